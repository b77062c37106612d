"""Records → topics, in order per key, kept until the broker holds them.

A record belongs to the lane of its partition (`lane.py`), which sends until it succeeds; so a record can reach the log twice after
an outage, and the store's keys remove what doubles.
"""

import asyncio
import time
from types import TracebackType
from typing import Self, TypeVar

from aiokafka.partitioner import murmur2
from msgspec import Struct

from vt600_bus.lane import Batch, Lane
from vt600_bus.producer import ProducerSupply
from vt600_bus.serde import encode
from vt600_bus.settings import KafkaSettings
from vt600_bus.topics import Topic

R = TypeVar("R", bound=Struct)

_BATCH_BYTES = 512 * 1024
_RECORD_OVERHEAD_BYTES = 32
_HEADER_BYTES = 72  # a trace
_BATCH_OVERHEAD_BYTES = 512  # Kafka's own header, and what compression adds to what it cannot compress
_HEALTHY_PENDING_S = 2.0
_KEYS_CACHED = 50_000  # per topic


class PublisherFull(Exception):  # noqa: N818 - it is a state, and the caller waits for room
    """Too many bytes wait for the broker; nothing was queued."""


class RecordTooLarge(ValueError):  # noqa: N818
    """The record can never fit its topic."""


class PublisherClosed(Exception):  # noqa: N818
    """The publisher ended before the broker held the record."""


class Publisher:
    """Use as `async with`. Entering does not wait for the broker: `healthy` tells whether it is there."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        client_id: str,
        max_pending_bytes: int = 64 * 1024 * 1024,
        linger_s: float = 0.002,
    ) -> None:
        """`linger_s` is how long a batch waits for company; what comes while one is in flight shares the next anyway."""
        self._supply = ProducerSupply(settings, client_id=client_id)
        self._max_pending_bytes = max_pending_bytes
        self._linger_s = linger_s
        self._lanes: dict[tuple[str, int], Lane] = {}
        self._routes: dict[str, dict[str, tuple[Lane, bytes]]] = {}
        self._tasks = asyncio.TaskGroup()
        self._runners: list[asyncio.Task[None]] = []
        self._closed = False
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self.pending_bytes = 0

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._runners.append(self._tasks.create_task(self._supply.run()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closed = True
        self._routes.clear()
        for task in self._runners:
            task.cancel()
        try:
            await self._tasks.__aexit__(None, None, None)  # an error of the block stays as it is
        finally:
            for lane in self._lanes.values():
                for batch in lane.waiting:
                    _refuse(batch.future)

    @property
    def pending_records(self) -> int:
        """How many records the broker does not hold yet."""
        return sum(len(batch.values) for lane in self._lanes.values() for batch in lane.waiting)

    @property
    def oldest_pending_s(self) -> float:
        """Age of the oldest record that the broker does not hold yet; 0.0 when there is none."""
        oldest = min((lane.waiting[0].created for lane in self._lanes.values() if lane.waiting), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    @property
    def healthy(self) -> bool:
        """Whether the broker answers and takes what it is given."""
        return self._supply.answering and self.oldest_pending_s < _HEALTHY_PENDING_S

    def publish(self, topic: Topic[R], key: str, record: R, traceparent: str | None = None) -> "asyncio.Future[None]":
        """Queue a record. The future, shared by its batch, is done when the broker holds it; do not cancel it.

        PublisherFull, RecordTooLarge and PublisherClosed mean that nothing was queued.
        """
        value = encode(record)
        routes = self._routes.get(topic.name)
        route = None if routes is None else routes.get(key)
        lane, key_bytes = self._find_route(topic, key) if route is None else route
        size = len(value) + len(key_bytes) + _RECORD_OVERHEAD_BYTES
        if traceparent is not None:
            size += _HEADER_BYTES
        if size > _BATCH_BYTES:
            self._check_size(topic, size)
        pending = self.pending_bytes + size
        if pending > self._max_pending_bytes:
            self._refuse_more(size)
        batch = lane.open
        if batch is None or batch.bytes + size > _BATCH_BYTES:
            batch = lane.begin()
        if traceparent is not None:
            batch.traces[len(batch.keys)] = traceparent.encode()
        batch.keys.append(key_bytes)
        batch.values.append(value)
        batch.bytes += size
        if pending == size:
            self._idle.clear()
        self.pending_bytes = pending
        return batch.future

    async def flush(self, timeout_s: float) -> bool:
        """Wait until the broker holds everything; False when it does not in time."""
        try:
            async with asyncio.timeout(timeout_s):
                await self._idle.wait()
        except TimeoutError:
            return False
        return True

    async def wait_for_room(self) -> None:
        """Wait until at most half of the bound is pending."""
        if self.pending_bytes * 2 > self._max_pending_bytes:
            self._room.clear()
        await self._room.wait()

    def _check_size(self, topic: Topic[R], size: int) -> None:
        limit = topic.max_record_bytes - _BATCH_OVERHEAD_BYTES
        if size > limit:
            raise RecordTooLarge(f"{size} bytes do not fit {topic.name}, which takes {limit}")

    def _refuse_more(self, size: int) -> None:
        if size > self._max_pending_bytes:
            raise RecordTooLarge(f"{size} bytes do not fit this publisher, which holds {self._max_pending_bytes}")
        self._room.clear()
        raise PublisherFull(f"{self.pending_bytes} bytes wait for the broker")

    def _find_route(self, topic: Topic[R], key: str) -> tuple[Lane, bytes]:
        """The lane of the key, by the rule of Kafka's own clients."""
        if self._closed:
            raise PublisherClosed("nothing can be published any more")
        key_bytes = key.encode()
        partition = (murmur2(key_bytes) & 0x7FFFFFFF) % topic.partitions
        lane = self._lanes.get((topic.name, partition))
        if lane is None:
            lane = self._lanes[topic.name, partition] = Lane(topic.name, partition)
            running = lane.run(self._supply, self._linger_s, self._settle)
            self._runners.append(self._tasks.create_task(running))
        routes = self._routes.setdefault(topic.name, {})
        if len(routes) >= _KEYS_CACHED:
            routes.clear()
        routes[key] = route = lane, key_bytes
        return route

    def _settle(self, batch: Batch) -> None:
        self.pending_bytes -= batch.bytes
        if self.pending_bytes == 0:
            self._idle.set()
        if self.pending_bytes * 2 <= self._max_pending_bytes:
            self._room.set()
        if not batch.future.done():
            batch.future.set_result(None)


def _refuse(future: "asyncio.Future[None]") -> None:
    """Fail a future that perhaps nobody looks at any more."""
    if not future.done():
        future.set_exception(PublisherClosed("closed before the broker held it"))
        future.exception()
