"""The parts of the ingest process and how they hang together."""

import asyncio
import os
import socket
from functools import partial
from typing import Any, TypeVar

import structlog
from msgspec import Struct
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from vt600_api.ingest.consumer import Consumer, Kind
from vt600_api.ingest.leases import LeaseSweep
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.rejects import read_reject, write_rejects
from vt600_api.ingest.sessions import SessionWriter, read_session
from vt600_api.ingest.settings import IngestSettings
from vt600_api.ingest.spans import StoreSpans
from vt600_api.ingest.statuses import read_status, write_statuses
from vt600_api.ingest.store import Prepare, StoreConnection
from vt600_api.ingest.uplinks import UplinkWriter, prepare, read_uplink
from vt600_bus import DeadLetters, Follower, KafkaSettings, Publisher, Subscriber, Topic
from vt600_bus.topics import COMMAND_STATUSES, LISTENERS, REJECTS, SESSIONS, UPLINKS
from vt600_runtime.probes import Probes
from vt600_runtime.tracing import OFF, Tracer

R = TypeVar("R", bound=Struct)

INGESTED: tuple[Topic[Any], ...] = (UPLINKS, COMMAND_STATUSES, REJECTS, SESSIONS)

_log = structlog.get_logger()


class Ingest:
    """The consumers of the topics, each with its connection and its place, and the sweep of links whose listener died."""

    def __init__(
        self,
        settings: IngestSettings,
        kafka: KafkaSettings,
        *,
        publisher: Publisher,
        client_id: str,
        tracer: Tracer = OFF,
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._client_id = client_id
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        PlatformCollector(registry=self.registry)
        self._metrics = IngestMetrics(self.registry)
        self._dead_letters = DeadLetters(publisher, "ingest")
        self._stores: list[StoreConnection] = []
        self._spans = StoreSpans(tracer)
        writer = UplinkWriter(publisher, self._metrics, settings.pending_policy, self._spans)
        sessions = SessionWriter(publisher)
        self.consumers: tuple[Consumer[Any], ...] = (
            *(
                self._consumer(
                    "ingest", UPLINKS, Kind(read_uplink, writer.write, "frame.store"), prepare, fetch_wait_ms=10
                )
                for _ in range(settings.workers)
            ),
            self._consumer(
                "ingest-command-statuses", COMMAND_STATUSES, Kind(read_status, write_statuses, "command.store")
            ),
            self._consumer("ingest-rejects", REJECTS, Kind(read_reject, write_rejects)),
            self._consumer("ingest-sessions", SESSIONS, Kind(read_session, sessions.write)),
        )
        store = StoreConnection(settings.database_url, name="vt600-ingest-leases")
        self._stores.append(store)
        follower = Follower(kafka, [LISTENERS], client_id=f"{client_id}-leases", start="beginning")
        self._sweep = LeaseSweep(sessions, store=store, publisher=publisher, follower=follower)
        for topic in INGESTED:
            self._metrics.lag.labels(topic.name).set_function(partial(self.lag, topic.name))

    def lag(self, topic: str) -> int:
        """Records of the topic that wait on the bus for this process."""
        return sum(consumer.lag() for consumer in self.consumers if consumer.topic == topic)

    def problem(self, topic: str) -> str | None:
        """Why the topic cannot be worked on now, if so."""
        found = (consumer.problem() for consumer in self.consumers if consumer.topic == topic)
        return next((problem for problem in found if problem is not None), None)

    async def run(self, stop: asyncio.Event) -> None:
        """Ingest until `stop` is set; batches at work then get the drain time, what is left comes again."""
        async with asyncio.TaskGroup() as tasks:
            keeping = [tasks.create_task(store.keep()) for store in self._stores]
            keeping.append(tasks.create_task(self._sweep.run()))
            working = [tasks.create_task(consumer.run(stop)) for consumer in self.consumers]
            await stop.wait()
            _done, late = await asyncio.wait(working, timeout=self._settings.drain_timeout_s)
            for task in late:
                task.cancel()
            await asyncio.wait(working)
            for task in keeping:
                task.cancel()

    def _consumer(
        self,
        group: str,
        topic: Topic[R],
        kind: Kind[R],
        prepare_store: Prepare | None = None,
        *,
        fetch_wait_ms: int = 200,
    ) -> Consumer[R]:
        store = StoreConnection(
            self._settings.database_url, name=f"vt600-{group}-{len(self._stores)}", prepare=prepare_store
        )
        self._stores.append(store)
        subscriber = Subscriber(
            self._kafka,
            group=group,
            topics=[topic],
            client_id=self._client_id,
            max_records=self._settings.batch_records,
            fetch_wait_ms=fetch_wait_ms,
        )
        return Consumer(
            kind,
            topic=topic.name,
            subscriber=subscriber,
            store=store,
            dead_letters=self._dead_letters,
            metrics=self._metrics,
            spans=self._spans,
        )


async def run(settings: IngestSettings, kafka: KafkaSettings, stop: asyncio.Event, tracer: Tracer = OFF) -> None:
    """The whole process, probes included, until `stop` is set."""
    client_id = f"vt600-ingest-{socket.gethostname()}-{os.getpid()}"
    # A batch is queued whole before the publisher gets its turn, so waiting for more to come would gain nothing.
    async with Publisher(kafka, client_id=client_id, linger_s=0.0) as publisher:
        ingest = Ingest(settings, kafka, publisher=publisher, client_id=client_id, tracer=tracer)
        probes = Probes(host=settings.probes_host, port=settings.probes_port, registry=ingest.registry)
        probes.add_check("publisher", lambda: None if publisher.healthy else "Kafka does not take records")
        for topic in INGESTED:
            probes.add_check(topic.name, partial(ingest.problem, topic.name))
        async with probes:
            _log.info("ingest.started", probes_port=probes.port)
            await ingest.run(stop)
    _log.info("ingest.stopped")
