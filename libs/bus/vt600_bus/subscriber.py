"""A share of some topics, with its place kept by the consumer group.

`next_batch` → make its effect durable → `commit`. Delivery is at least once: handlers are idempotent. Brokers may come and go.
"""

import asyncio
import contextlib
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from vt600_bus.settings import KafkaSettings
from vt600_bus.topics import Topic

_START_TIMEOUT_S = 15.0
_STOP_TIMEOUT_S = 5.0
_COMMIT_TIMEOUT_S = 10.0
_RETRY_S = 0.5
_POLL_MS = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as it stands on its topic; `value` is not decoded yet."""

    topic: Topic[Any]
    partition: int
    offset: int
    key: str | None
    value: bytes | None


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries in order per partition, and the offsets that follow them."""

    deliveries: list[Delivery]
    first: dict[TopicPartition, int]
    next: dict[TopicPartition, int]


def deliveries_of(records: dict[Any, list[Any]], topics: dict[str, Topic[Any]]) -> list[Delivery]:
    """What aiokafka fetched, in our own words."""
    return [
        Delivery(
            topics[partition.topic],
            partition.partition,
            record.offset,
            None if record.key is None else record.key.decode("utf-8", "replace"),
            record.value,
        )
        for partition, fetched in records.items()
        for record in fetched
    ]


async def stop_consumer(consumer: Any) -> None:  # noqa: ANN401 - aiokafka has no types
    """End a consumer in bounded time, whatever the broker does."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    with contextlib.suppress(KafkaError, OSError, TimeoutError):
        try:
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await consumer.stop()
        except asyncio.CancelledError:
            if task is None or task.cancelling() > before:
                raise  # a real cancellation, not the one that aiokafka lets through when the broker is away


class Subscriber:
    """One member of a consumer group. Use as `async with`; it connects at the first `next_batch`."""

    def __init__(
        self,
        settings: KafkaSettings,
        *,
        group: str,
        topics: Sequence[Topic[Any]],
        client_id: str,
        max_records: int = 2000,
        fetch_wait_ms: int = 200,
    ) -> None:
        """`fetch_wait_ms` is how long a fetch may wait at the broker; meanwhile records of partitions not in it wait, too."""
        self._fetch_wait_ms = fetch_wait_ms
        self._settings = settings
        self._group = group
        self._topics = {topic.name: topic for topic in topics}
        self._client_id = client_id
        self._max_records = max_records
        self._consumer: Any = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drop()

    @property
    def assigned(self) -> bool:
        """Whether the group has given this member its share (which may be none)."""
        return self._consumer is not None and self._consumer._coordinator is not None and self._has_assignment()  # noqa: SLF001

    async def next_batch(self) -> Batch:
        """The next records; waits for them, and for the broker."""
        while True:
            try:
                consumer = await self._connected()
                records = await consumer.getmany(timeout_ms=_POLL_MS, max_records=self._max_records)
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("bus.unreachable", group=self._group, error=str(error) or type(error).__name__)
                await self._drop()
                await asyncio.sleep(_RETRY_S)
                continue
            if records:
                return Batch(
                    deliveries_of(records, self._topics),
                    {partition: fetched[0].offset for partition, fetched in records.items()},
                    {partition: fetched[-1].offset + 1 for partition, fetched in records.items()},
                )

    async def commit(self, batch: Batch) -> None:
        """Keep the place behind the batch. When that fails the records come again, which is harmless."""
        if self._consumer is None:
            return
        mine = self._consumer.assignment()
        offsets = {partition: offset for partition, offset in batch.next.items() if partition in mine}
        if not offsets:
            return
        try:
            async with asyncio.timeout(_COMMIT_TIMEOUT_S):
                await self._consumer.commit(offsets)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("batch.commit_refused", group=self._group, error=str(error))
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("batch.commit_failed", group=self._group, error=str(error) or type(error).__name__)

    def seek_back(self, batch: Batch) -> None:
        """Read the batch again, as far as its partitions are still ours."""
        if self._consumer is None:
            return
        mine = self._consumer.assignment()
        for partition, offset in batch.first.items():
            if partition in mine:
                self._consumer.seek(partition, offset)

    def lag(self) -> int:
        """Records of our share that wait in Kafka, as far as the last fetch told."""
        if self._consumer is None:
            return 0
        total = 0
        for partition in self._consumer.assignment():
            end = self._consumer.highwater(partition)
            state = self._consumer._subscription.subscription.assignment.state_value(partition)  # noqa: SLF001
            if end is not None and state is not None and state.has_valid_position:
                total += max(0, end - state.position)
        return total

    def _has_assignment(self) -> bool:
        subscription = self._consumer._subscription.subscription  # noqa: SLF001
        return subscription is not None and subscription.assignment is not None

    async def _connected(self) -> Any:  # noqa: ANN401
        if self._consumer is None:
            consumer = AIOKafkaConsumer(
                *self._topics,
                bootstrap_servers=self._settings.bootstrap_servers,
                client_id=self._client_id,
                group_id=self._group,
                enable_auto_commit=False,
                auto_offset_reset="earliest",
                session_timeout_ms=8_000,
                heartbeat_interval_ms=2_000,
                max_poll_interval_ms=600_000,
                fetch_max_wait_ms=self._fetch_wait_ms,
                max_partition_fetch_bytes=4 * 1024 * 1024,
                fetch_max_bytes=32 * 1024 * 1024,
            )
            try:
                async with asyncio.timeout(_START_TIMEOUT_S):
                    await consumer.start()
            except BaseException:
                await stop_consumer(consumer)
                raise
            self._consumer = consumer
        return self._consumer

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        if consumer is not None:
            await stop_consumer(consumer)
