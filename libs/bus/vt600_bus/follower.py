"""Every partition of some topics, for whoever must see all of it: live feeds, dispatches, compacted topics. No group, no commits."""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Any, Literal, Self

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from vt600_bus.outage import Outage
from vt600_bus.settings import KafkaSettings
from vt600_bus.subscriber import Delivery, deliveries_of
from vt600_bus.teardown import stop_consumer
from vt600_bus.topics import Topic

_START_LIMIT_S = 15.0
_POLL_MS = 500


class Follower:
    """Use as `async with`; it connects at the first `next_batch`. After an outage it goes on where it was.

    From the beginning, `caught_up` is set once everything that was there at the start has been returned by `next_batch` and asked
    past; from the end, once the place is taken: what is published later is seen.
    """

    def __init__(
        self,
        settings: KafkaSettings,
        topics: Sequence[Topic[Any]],
        *,
        client_id: str,
        start: Literal["end", "beginning"],
    ) -> None:
        self._settings = settings
        self._topics = {topic.name: topic for topic in topics}
        self._client_id = client_id
        self._start = start
        self._outage = Outage(settings, client=client_id)
        self._consumer: AIOKafkaConsumer | None = None
        self._next: dict[TopicPartition, int] = {}
        self._goal: dict[TopicPartition, int] = {}
        self.caught_up = asyncio.Event()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drop()

    @property
    def connected(self) -> bool:
        """Whether the place is taken and the broker answered last time."""
        return self._consumer is not None

    async def next_batch(self) -> list[Delivery]:
        """The next records, in order per partition; waits for them, and for the broker."""
        while True:
            try:
                consumer = self._consumer or await self._connect()
                self._check_caught_up()
                records = await consumer.getmany(timeout_ms=_POLL_MS)
            except (KafkaError, OSError, TimeoutError) as error:
                await self._drop()
                await self._outage.pause(error)
                continue
            for partition, fetched in records.items():
                self._next[partition] = fetched[-1].offset + 1
            if records:
                return deliveries_of(records, self._topics)

    def _check_caught_up(self) -> None:
        if not self.caught_up.is_set() and all(self._next[at] >= goal for at, goal in self._goal.items()):
            self.caught_up.set()

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._settings.client_options(),
            client_id=self._client_id,
            group_id=None,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=200,
            max_partition_fetch_bytes=4 * 1024 * 1024,
        )
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await consumer.start()
                await self._take_places(consumer)
        except BaseException:
            await stop_consumer(consumer)
            raise
        self._outage.end()
        self._consumer = consumer
        return consumer

    async def _take_places(self, consumer: AIOKafkaConsumer) -> None:
        """Assign every partition and go to where we were, or to the chosen start for what is new.

        Places are set by explicit offsets: seek_to_beginning can end at the end of the log.
        """
        partitions = [
            TopicPartition(topic.name, number) for topic in self._topics.values() for number in range(topic.partitions)
        ]
        consumer.assign(partitions)
        begin, end = await consumer.beginning_offsets(partitions), await consumer.end_offsets(partitions)
        if not self._goal:
            self._goal = dict(end)
        for partition in partitions:
            fresh = begin[partition] if self._start == "beginning" else end[partition]
            place = self._next.get(partition, fresh)
            self._next[partition] = max(begin[partition], min(place, end[partition]))
            consumer.seek(partition, self._next[partition])

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer)
