"""What becomes of a batch: decoded, stored, its place kept. Everything that decides that is in this file.

A record that cannot be decoded, or that the store refuses, goes to the dead letters and the partition moves on. When the store
or the bus is away the batch is tried again until it is stored; its place is committed after that.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

import asyncpg
import structlog
from msgspec import Struct

from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.spans import StoreSpans
from vt600_api.ingest.store import AWAY, REFUSED, StoreConnection
from vt600_bus import Batch, DeadLetters, Delivery, RecordError, RecordTooLarge, Subscriber, facts_of

R = TypeVar("R", bound=Struct)
T = TypeVar("T")

log = structlog.get_logger()


class NotPublished(Exception):  # noqa: N818 - a state of the bus, not a mistake
    """The bus did not take the records of a transaction in time; they are still queued."""

    def __init__(self, waiting: set[asyncio.Future[None]]) -> None:
        super().__init__("the bus does not take records")
        self.waiting = waiting


@dataclass(frozen=True)
class Kind(Generic[R]):
    """How one kind of record is read and stored. `write` is one whole transaction, or none of it; `span` is its name in traces."""

    read: Callable[[bytes | None], R]
    write: Callable[[asyncpg.Connection, Sequence[R]], Awaitable[None]]
    span: str = "record.store"


class Consumer(Generic[R]):
    """Takes batches of one topic into the store, one after the other, until it is told to stop."""

    def __init__(
        self,
        kind: Kind[R],
        *,
        topic: str,
        subscriber: Subscriber,
        store: StoreConnection,
        dead_letters: DeadLetters,
        metrics: IngestMetrics,
        spans: StoreSpans | None = None,
    ) -> None:
        self._kind = kind
        self.topic = topic
        self._subscriber = subscriber
        self._store = store
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._spans = spans or StoreSpans()

    async def run(self, stop: asyncio.Event) -> None:
        """Handle batches; returns between two of them once `stop` is set."""
        async with self._subscriber:
            while (batch := await _unless_stopped(self._subscriber.next_batch(), stop)) is not None:
                began = time.perf_counter()
                await self._handle(batch)
                self._metrics.batch_seconds.labels(self.topic).observe(time.perf_counter() - began)
                self._metrics.batches.labels(self.topic).inc()
                await self._subscriber.commit(batch)

    def lag(self) -> int:
        """Records of its share that wait on the bus."""
        return self._subscriber.lag()

    def problem(self) -> str | None:
        """Why this consumer cannot work now, if so."""
        if not self._subscriber.assigned:
            return "Kafka has not given out the partitions"
        return None if self._store.problem is None else f"store: {self._store.problem}"

    async def _handle(self, batch: Batch) -> None:
        records: list[R] = []
        deliveries: list[Delivery] = []
        read = self._kind.read
        for delivery in batch.deliveries:
            try:
                records.append(read(delivery.value))
            except RecordError as error:
                await self._bury(delivery, error)
            else:
                deliveries.append(delivery)
        steps = self._spans.begin(self._kind.span, deliveries)
        await self._write(deliveries, records)
        self._spans.end(steps)

    async def _write(self, deliveries: Sequence[Delivery], records: Sequence[R]) -> None:
        """Store them all; look for the one that the store refuses by halves."""
        if not records:
            return
        try:
            await self._try_until_stored(records)
        except (*REFUSED, RecordTooLarge) as error:
            if len(records) == 1:
                await self._bury(deliveries[0], error)
                return
            middle = len(records) // 2
            await self._write(deliveries[:middle], records[:middle])
            await self._write(deliveries[middle:], records[middle:])

    async def _try_until_stored(self, records: Sequence[R]) -> None:
        pause = 0.1
        retries = self._metrics.retries.labels(self.topic)
        while True:
            try:
                await self._store.run(lambda connection: self._kind.write(connection, records))
            except REFUSED:
                raise
            except NotPublished as error:
                retries.inc()
                log.warning("batch.not_published", topic=self.topic, records=len(records))
                await asyncio.wait(error.waiting)
            except AWAY:
                retries.inc()
                await asyncio.sleep(pause)
                pause = min(pause * 2, 3.0)
            else:
                return

    async def _bury(self, delivery: Delivery, error: Exception) -> None:
        """Have the bus hold the record among the dead letters before the partition moves on."""
        log.warning("record.refused", error=f"{type(error).__name__}: {error}", **facts_of(delivery))
        await self._dead_letters.publish(delivery, error)
        self._metrics.dead_letters.labels(self.topic).inc()


async def _unless_stopped(work: Awaitable[T], stop: asyncio.Event) -> T | None:
    """The result of the work, or None when `stop` comes first."""
    async with asyncio.TaskGroup() as tasks:
        working = tasks.create_task(_result(work))
        stopping = tasks.create_task(stop.wait())
        await asyncio.wait({working, stopping}, return_when=asyncio.FIRST_COMPLETED)
        working.cancel()
        stopping.cancel()
    return None if working.cancelled() else working.result()


async def _result(work: Awaitable[T]) -> T:
    return await work
