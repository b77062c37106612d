"""One listener built complete: everything between its sockets and the bus."""

import secrets

from prometheus_client import CollectorRegistry

from vt600_listener.admission import Admission
from vt600_listener.clock import Clock
from vt600_listener.context import LinkContext
from vt600_listener.delivery import Delivery
from vt600_listener.downlink import Downlinks
from vt600_listener.flow import Flow
from vt600_listener.lease import Lease
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices, RecordPublisher
from vt600_listener.registry import SessionRegistry
from vt600_listener.rejects import Rejects
from vt600_listener.server import Server
from vt600_listener.settings import ListenerSettings
from vt600_listener.uplink import Uplinks
from vt600_listener.window import Window
from vt600_runtime.tracing import OFF, Tracer

_SPARE_FILES = 256


class Listener:
    """The parts of one process. `max_files` is how many the process may open; some are kept for what is no link.

    `id` belongs to this start alone: a listener that was started again must not answer for bytes that its predecessor wrote.
    """

    def __init__(
        self,
        settings: ListenerSettings,
        *,
        publisher: RecordPublisher,
        registry: CollectorRegistry,
        clock: Clock,
        max_files: int,
        tracer: Tracer = OFF,
    ) -> None:
        self.id = f"{settings.id}-{secrets.token_hex(4)}"
        self.draining = False
        self._closed = False
        metrics = Metrics(registry)
        notices = Notices(publisher, metrics)
        self.flow = Flow(
            publisher=publisher,
            clock=clock,
            metrics=metrics,
            max_pending_bytes=settings.max_pending_bytes,
            away_limit_s=settings.bus_away_limit_s,
        )
        delivery = Delivery(listener_id=self.id, notices=notices, clock=clock, metrics=metrics, tracer=tracer)
        window = Window(settings, delivery=delivery, clock=clock, metrics=metrics)
        self.sessions = SessionRegistry(
            listener_id=self.id,
            clock=clock,
            notices=notices,
            metrics=metrics,
            window=window,
            quiet_after_s=settings.quiet_after_s,
        )
        admission = Admission(
            clock=clock,
            max_links=max(1, min(settings.max_links, max_files - _SPARE_FILES)),
            max_links_per_address=settings.max_links_per_address,
            accept_rate_per_s=settings.accept_rate_per_s,
            accept_burst=settings.accept_burst,
            allowed_networks=settings.allowed_networks,
            closed_because=self._closed_because,
        )
        metrics.links.set_function(lambda: admission.links)
        self.context = LinkContext(
            settings=settings,
            clock=clock,
            metrics=metrics,
            flow=self.flow,
            registry=self.sessions,
            uplinks=Uplinks(
                publisher=publisher,
                notices=notices,
                flow=self.flow,
                listener_id=self.id,
                metrics=metrics,
                public_address=settings.public_address,
                tracer=tracer,
            ),
            rejects=Rejects(notices=notices, clock=clock, listener_id=self.id, metrics=metrics),
            admission=admission,
        )
        self.server = Server(self.context)
        self.downlinks = Downlinks(
            settings,
            listener_id=self.id,
            registry=self.sessions,
            delivery=delivery,
            window=window,
            clock=clock,
            metrics=metrics,
        )
        self.lease = Lease(listener_id=self.id, clock=clock, notices=notices, links=lambda: len(self.sessions))
        self._publisher = publisher
        self._clock = clock
        self._drain_accept_s = settings.drain_accept_s

    def not_ready_because(self) -> str | None:
        """Why no new tracker should be sent here, None when all is well."""
        if self.draining:
            return "draining"
        if not self.server.is_open:
            return "not listening yet"
        if not self._publisher.healthy or self.flow.away:
            return "the bus does not take records"
        return None

    async def drain(self) -> None:
        """Leaves in order: not ready, no new links, links closed in slices, closures told.

        Balancers learn of it by and by. Until they have, a tracker that is sent here would find a closed port and wait long before
        it tries again; so it is let in, and closed with the others.
        """
        self.draining = True
        self.lease.state = "draining"
        self.lease.publish()
        await self._clock.sleep(self._drain_accept_s)
        self._closed = True
        await self.server.drain()
        self.lease.state = "down"
        self.lease.publish()

    def _closed_because(self) -> str | None:
        if self._closed:
            return "draining"
        return "bus_away" if self.flow.away else None
