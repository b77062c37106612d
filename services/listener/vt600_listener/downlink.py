"""Dispatches from the bus are written to the links that they are meant for, once, and never too late.

Session, generation, deadline and the link itself are checked in the same step as the write, with nothing in between.
"""

from typing import Literal

import structlog

from vt600_bus import Follower, RecordError, serde
from vt600_bus.records import DeliveryReport, Downlink
from vt600_bus.topics import DELIVERY_REPORTS
from vt600_listener.clock import Clock
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices
from vt600_listener.registry import SessionRegistry
from vt600_listener.session import Session
from vt600_listener.uplink import PHOTO_CODE

_log = structlog.get_logger()

_REMEMBERED = 20_000
# What answers a request for a position, in either dialect, or for a photo (SPEC §3.10, §4.7): no replies of their own.
_NO_REPLIES = frozenset({"9955", "000", PHOTO_CODE})


class Downlinks:
    """Writes what is dispatched to sessions of this listener, and reports what it did."""

    def __init__(
        self, *, listener_id: str, registry: SessionRegistry, notices: Notices, clock: Clock, metrics: Metrics
    ) -> None:
        self._listener_id = listener_id
        self._registry = registry
        self._notices = notices
        self._clock = clock
        self._metrics = metrics
        self._handled: dict[tuple[str, int], None] = {}

    async def follow(self, follower: Follower) -> None:
        """Handles dispatches as they come, for ever."""
        while True:
            for delivery in await follower.next_batch():
                try:
                    downlink = serde.decode(Downlink, delivery.value)
                except RecordError as error:
                    self._metrics.downlinks.labels("unreadable").inc()
                    _log.warning("downlink.unreadable", error=str(error), offset=delivery.offset)
                    continue
                if downlink.listener_id == self._listener_id:
                    self.deliver(downlink)

    def deliver(self, downlink: Downlink) -> None:
        """Writes the bytes of one dispatch or says why not. The same attempt is handled once, however often it is read."""
        attempt = (downlink.command_id, downlink.attempt)
        if attempt in self._handled:
            self._metrics.downlinks.labels("repeated").inc()
            return
        self._handled[attempt] = None
        if len(self._handled) > _REMEMBERED:
            del self._handled[next(iter(self._handled))]
        session = self._registry.session_of(downlink.device_id)
        reason = self._refusal(downlink, session)
        if reason is not None or session is None:
            self._report(downlink, "refused", reason)
            return
        # The report goes first: without it on its way nobody would know that bytes may have left.
        if self._report(downlink, "written", None):
            if downlink.reply_code in _NO_REPLIES:
                session.awaited = downlink
            session.link.write(downlink.payload)

    def _refusal(self, downlink: Downlink, session: Session | None) -> str | None:
        if session is None:
            return "no_such_session"
        if session.session_id != downlink.session_id or session.generation != downlink.generation:
            return "stale_generation" if session.generation > downlink.generation else "no_such_session"
        if self._clock.utc_now() >= downlink.deadline_at:
            return "too_late"
        if not session.link.is_writable():
            return "unwritable"
        return None

    def _report(self, downlink: Downlink, outcome: Literal["written", "refused"], reason: str | None) -> bool:
        self._metrics.downlinks.labels(reason or outcome).inc()
        return self._notices.publish(
            DELIVERY_REPORTS,
            downlink.device_id,
            DeliveryReport(
                device_id=downlink.device_id,
                listener_id=self._listener_id,
                session_id=downlink.session_id,
                generation=downlink.generation,
                outcome=outcome,
                at=self._clock.utc_now(),
                command_id=downlink.command_id,
                attempt=downlink.attempt,
                reason=reason,
                packet_no=downlink.packet_no,
                payload=downlink.payload if outcome == "written" else None,
            ),
        )
