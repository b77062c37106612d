"""Records → topics, in order per key, kept until the broker holds them.

Each partition has a lane: records are appended to its open batch, one batch at a time is in flight, and what arrives meanwhile
makes the next one. A batch that fails is sent again, ahead of what came later. The store's keys remove what doubles.
"""

import asyncio
import time
from collections import deque
from types import TracebackType
from typing import Any, Self, TypeVar

from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from msgspec import Struct

from vt600_bus.producer import ProducerSupply
from vt600_bus.serde import encode
from vt600_bus.settings import KafkaSettings
from vt600_bus.topics import Topic

R = TypeVar("R", bound=Struct)

_BATCH_BYTES = 512 * 1024
_RECORD_OVERHEAD_BYTES = 32
_RECORDS_PER_PRODUCER = 10**9  # sequence numbers of a producer wrap for good at 2**31
_HEALTHY_PENDING_S = 3.0
_KEYS_CACHED = 200_000
_RETRY_S = 0.1


class PublisherFull(Exception):  # noqa: N818 - it is a state, and the caller waits for room
    """Too many bytes wait for the broker; nothing was queued."""


class RecordTooLarge(ValueError):  # noqa: N818
    """The record can never fit its topic."""


class PublisherClosed(Exception):  # noqa: N818
    """The publisher ended before the broker held the record."""


class _Batch:
    __slots__ = ("bytes", "created", "future", "records")

    def __init__(self, future: asyncio.Future[None]) -> None:
        self.records: list[tuple[bytes, bytes]] = []
        self.bytes = 0
        self.created = time.monotonic()
        self.future = future


class _Lane:
    """One partition: batches that wait, the oldest first; the first one may be in flight."""

    __slots__ = ("batches", "in_flight", "partition", "topic", "wake")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.batches: deque[_Batch] = deque()
        self.in_flight = False
        self.wake = asyncio.Event()


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
        self._supply = ProducerSupply(settings, client_id=client_id)
        self._max_pending_bytes = max_pending_bytes
        self._linger_s = linger_s
        self._lanes: dict[tuple[str, int], _Lane] = {}
        self._lane_of_key: dict[tuple[str, str], _Lane] = {}
        self._tasks = asyncio.TaskGroup()
        self._runners: list[asyncio.Task[None]] = []
        self._loop = asyncio.get_running_loop()
        self._room = asyncio.Event()
        self._room.set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._sent = 0
        self.pending_bytes = 0
        self.pending_records = 0

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        self._runners.append(self._tasks.create_task(self._supply.run()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._runners:
            task.cancel()
        await self._tasks.__aexit__(kind, error, trace)
        for lane in self._lanes.values():
            for batch in lane.batches:
                if not batch.future.done():
                    batch.future.set_exception(PublisherClosed("closed before the broker held it"))
                    batch.future.exception()

    @property
    def oldest_pending_s(self) -> float:
        """Age of the oldest record that the broker does not hold yet; 0.0 when there is none."""
        oldest = min((lane.batches[0].created for lane in self._lanes.values() if lane.batches), default=None)
        return 0.0 if oldest is None else time.monotonic() - oldest

    @property
    def healthy(self) -> bool:
        """Whether the broker answers and takes what it is given."""
        return self._supply.answering and self.oldest_pending_s < _HEALTHY_PENDING_S

    def publish(self, topic: Topic[R], key: str, record: R) -> asyncio.Future[None]:
        """Queue a record. The future, shared by its batch, is done when the broker holds it; do not cancel it.

        PublisherFull and RecordTooLarge mean that nothing was queued.
        """
        value = encode(record)
        size = len(value) + len(key) + _RECORD_OVERHEAD_BYTES
        if size > topic.max_record_bytes:
            raise RecordTooLarge(f"{size} bytes do not fit {topic.name}, which takes {topic.max_record_bytes}")
        if self.pending_bytes + size > self._max_pending_bytes:
            self._room.clear()
            raise PublisherFull(f"{self.pending_bytes} bytes wait for the broker")
        lane = self._lane_of_key.get((topic.name, key)) or self._find_lane(topic, key)
        batches = lane.batches
        open_from = 1 if lane.in_flight else 0
        if len(batches) > open_from and batches[-1].bytes + size <= _BATCH_BYTES:
            batch = batches[-1]
        else:
            batch = _Batch(self._loop.create_future())
            batches.append(batch)
            lane.wake.set()
        batch.records.append((key.encode(), value))
        batch.bytes += size
        self.pending_bytes += size
        self.pending_records += 1
        if self.pending_records == 1:
            self._idle.clear()
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

    def _find_lane(self, topic: Topic[R], key: str) -> _Lane:
        partition = (murmur2(key.encode()) & 0x7FFFFFFF) % topic.partitions
        lane = self._lanes.get((topic.name, partition))
        if lane is None:
            lane = self._lanes[topic.name, partition] = _Lane(topic.name, partition)
            self._runners.append(self._tasks.create_task(self._drain(lane)))
        if len(self._lane_of_key) >= _KEYS_CACHED:
            self._lane_of_key.clear()
        self._lane_of_key[topic.name, key] = lane
        return lane

    async def _drain(self, lane: _Lane) -> None:
        """Send the lane's batches one after the other."""
        while True:
            await lane.wake.wait()
            lane.wake.clear()
            while lane.batches:
                if len(lane.batches) == 1 and self._linger_s > 0:
                    await asyncio.sleep(self._linger_s)
                lane.in_flight = True
                batch = lane.batches[0]
                await self._deliver(lane, batch)
                lane.batches.popleft()
                lane.in_flight = False
                self._settle(batch)

    async def _deliver(self, lane: _Lane, batch: _Batch) -> None:
        """Send the batch until the broker holds it, however long that takes."""
        while not await self._try(lane, batch):  # noqa: ASYNC110 - a pause between tries, not a wait for a state
            await asyncio.sleep(_RETRY_S)

    async def _try(self, lane: _Lane, batch: _Batch) -> bool:
        """One try; False when the producer had to be given up."""
        handle = await self._supply.get()
        try:
            future = await self._hand_over(handle.producer, lane, batch)
            await asyncio.wait({future, handle.broken}, return_when=asyncio.FIRST_COMPLETED)
            if not future.done():
                future.add_done_callback(_forget)
                return False
            future.result()
        except (KafkaError, OSError, TimeoutError):
            handle.give_up()
            return False
        self._sent += len(batch.records)
        if self._sent >= _RECORDS_PER_PRODUCER:
            self._sent = 0
            handle.give_up()
        return True

    @staticmethod
    async def _hand_over(producer: Any, lane: _Lane, batch: _Batch) -> asyncio.Future[Any]:  # noqa: ANN401
        builder = producer.create_batch()
        now_ms = int(time.time() * 1000)
        for key, value in batch.records:
            builder.append(key=key, value=value, timestamp=now_ms)
        future: asyncio.Future[Any] = await producer.send_batch(builder, lane.topic, partition=lane.partition)
        return future

    def _settle(self, batch: _Batch) -> None:
        self.pending_bytes -= batch.bytes
        self.pending_records -= len(batch.records)
        if self.pending_records == 0:
            self._idle.set()
        if self.pending_bytes * 2 <= self._max_pending_bytes:
            self._room.set()
        if not batch.future.done():
            batch.future.set_result(None)


def _forget(future: asyncio.Future[Any]) -> None:
    """Look at a late result so that nobody is warned of it."""
    if not future.cancelled():
        future.exception()
