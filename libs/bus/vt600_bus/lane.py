"""One partition's way to the broker: what is published joins the open batch, one batch at a time is in flight, and what comes
meanwhile makes the next one. A batch that failed is sent again before anything that came later.
"""

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from aiokafka.errors import KafkaError, UnknownTopicOrPartitionError

from vt600_bus.producer import ProducerHandle, ProducerSupply

TRACEPARENT = "traceparent"  # the header of a record that is traced (W3C)

_RECORDS_PER_PRODUCER = 10**9  # sequence numbers of a producer wrap for good at 2**31
_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 2.0


class Batch:
    """Records of one partition, and the future that they share. `traces` has those of the records that are traced, by their place."""

    __slots__ = ("bytes", "created", "future", "keys", "traces", "values")

    def __init__(self, future: "asyncio.Future[None]") -> None:
        self.keys: list[bytes] = []
        self.values: list[bytes] = []
        self.traces: dict[int, bytes] = {}
        self.bytes = 0
        self.created = time.monotonic()
        self.future = future


class Lane:
    """Batches of one partition, the oldest first. `open` is the last one while it still takes records."""

    __slots__ = ("_filled", "open", "partition", "topic", "waiting")

    def __init__(self, topic: str, partition: int) -> None:
        self.topic = topic
        self.partition = partition
        self.waiting: deque[Batch] = deque()
        self.open: Batch | None = None
        self._filled = asyncio.Event()

    def begin(self) -> Batch:
        """A new open batch behind those that wait."""
        batch = self.open = Batch(asyncio.get_running_loop().create_future())
        self.waiting.append(batch)
        self._filled.set()
        return batch

    async def run(self, supply: ProducerSupply, linger_s: float, settle: Callable[[Batch], None]) -> None:
        """Send batch after batch, for ever; `settle` is told of each that the broker holds."""
        while True:
            await self._filled.wait()
            self._filled.clear()
            while self.waiting:
                batch = self.waiting[0]
                if batch is self.open and linger_s > 0:
                    await asyncio.sleep(linger_s)
                if batch is self.open:
                    self.open = None
                await self._deliver(batch, supply)
                self.waiting.popleft()
                settle(batch)

    async def _deliver(self, batch: Batch, supply: ProducerSupply) -> None:
        """Send the batch until the broker holds it, however long that takes."""
        pause_s = _FIRST_PAUSE_S
        while not await self._try(batch, await supply.get()):
            await asyncio.sleep(pause_s)
            pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)

    async def _try(self, batch: Batch, handle: ProducerHandle) -> bool:
        """One try; False when it failed, which leaves the producer unfit."""
        try:
            sent = await self._hand_over(batch, handle)
            await asyncio.wait((sent, handle.broken), return_when=asyncio.FIRST_COMPLETED)
            if not sent.done() or sent.cancelled():
                handle.give_up("a batch was abandoned")
                return False
            sent.result()
        except (KafkaError, OSError, TimeoutError) as error:
            handle.give_up(f"{self.topic}[{self.partition}]: {error or type(error).__name__}")
            return False
        handle.records_sent += len(batch.values)
        if handle.records_sent >= _RECORDS_PER_PRODUCER:
            handle.give_up("its sequence numbers are used up")
        return True

    async def _hand_over(self, batch: Batch, handle: ProducerHandle) -> "asyncio.Future[Any]":
        producer = handle.producer
        partitions = producer.client.cluster.partitions_for_topic(self.topic)
        if partitions is None:
            async with handle.while_whole():
                partitions = await producer.partitions_for(self.topic)
        if self.partition not in partitions:
            raise UnknownTopicOrPartitionError(f"it has {len(partitions)} partitions only")
        builder = producer.create_batch()
        append, now_ms, traces = builder.append, int(time.time() * 1000), batch.traces
        for place, (key, value) in enumerate(zip(batch.keys, batch.values, strict=True)):
            if traces and place in traces:
                append(timestamp=now_ms, key=key, value=value, headers=[(TRACEPARENT, traces[place])])
            else:
                append(timestamp=now_ms, key=key, value=value)
        sent: asyncio.Future[Any] = await producer.send_batch(builder, self.topic, partition=self.partition)
        sent.add_done_callback(_look_at)
        return sent


def _look_at(sent: "asyncio.Future[Any]") -> None:
    """Take note of the result, which may come when we have left, so that nobody is warned of it."""
    if not sent.cancelled():
        sent.exception()
