"""A share of some topics, with its place kept by the consumer group.

`next_batch` → make its effect durable → `commit`. Delivery is at least once: handlers are idempotent. Brokers may come and go.
"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from vt600_bus.lane import TRACEPARENT
from vt600_bus.outage import Outage
from vt600_bus.settings import KafkaSettings
from vt600_bus.teardown import stop_consumer
from vt600_bus.topics import Topic

_START_LIMIT_S = 15.0
_COMMIT_LIMIT_S = 10.0
_POLL_MS = 500

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Delivery:
    """One record as it stands on its topic; `value` is not decoded yet. `traceparent` is there when it is traced."""

    topic: Topic[Any]
    partition: int
    offset: int
    key: str | None
    value: bytes | None
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Batch:
    """Deliveries in order per partition, the offsets of the first and behind the last, and the share that they came from."""

    deliveries: list[Delivery]
    first: dict[TopicPartition, int]
    next: dict[TopicPartition, int]
    share: int


def deliveries_of(records: dict[TopicPartition, list[ConsumerRecord]], topics: dict[str, Topic[Any]]) -> list[Delivery]:
    """What aiokafka fetched, in our own words."""
    return [
        Delivery(
            topics[partition.topic],
            partition.partition,
            record.offset,
            None if record.key is None else record.key.decode("utf-8", "replace"),
            record.value,
            _traceparent(record.headers) if record.headers else None,
        )
        for partition, fetched in records.items()
        for record in fetched
    ]


def _traceparent(headers: Sequence[tuple[str, bytes]]) -> str | None:
    found = next((value for name, value in headers if name == TRACEPARENT), None)
    return None if found is None else found.decode("ascii", "replace")


class _Shares(ConsumerRebalanceListener):  # type: ignore[misc]  # aiokafka has no types
    """Counts the shares that the group gave us. Each ends all that went before: its records come again, to us or another."""

    def __init__(self) -> None:
        self.count = 0
        self.held = False

    def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        self.held = False
        self.count += 1

    def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:  # noqa: ARG002
        self.held = True


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
        self._shares = _Shares()
        self._outage = Outage(settings, client=client_id, group=group)
        self._consumer: AIOKafkaConsumer | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._drop()

    @property
    def assigned(self) -> bool:
        """Whether the group has given this member its share (which may be none)."""
        return self._shares.held

    async def next_batch(self) -> Batch:
        """The next records; waits for them, and for the broker."""
        while True:
            try:
                consumer = self._consumer or await self._connect()
                records = await consumer.getmany(timeout_ms=_POLL_MS, max_records=self._max_records)
            except (KafkaError, OSError, TimeoutError) as error:
                await self._drop()
                await self._outage.pause(error)
                continue
            if records:
                return Batch(
                    deliveries_of(records, self._topics),
                    {partition: fetched[0].offset for partition, fetched in records.items()},
                    {partition: fetched[-1].offset + 1 for partition, fetched in records.items()},
                    self._shares.count,
                )

    async def commit(self, batch: Batch) -> None:
        """Keep the place behind the batch. When that fails its records come again, which is harmless."""
        if self._consumer is None or batch.share != self._shares.count:
            log.info("commit.dropped", group=self._group, reason="the share that the batch came from is gone")
            return
        try:
            async with asyncio.timeout(_COMMIT_LIMIT_S):  # within it, aiokafka tries again and again
                await self._consumer.commit(batch.next)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("commit.dropped", group=self._group, reason=str(error))
        except (KafkaError, OSError, TimeoutError) as error:
            log.warning("commit.failed", group=self._group, error=str(error) or type(error).__name__)

    def seek_back(self, batch: Batch) -> None:
        """Read the batch again. When its share is gone there is nothing to do: its records come again anyway."""
        if self._consumer is not None and batch.share == self._shares.count:
            for partition, offset in batch.first.items():
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

    async def _connect(self) -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(
            **self._settings.client_options(),
            client_id=self._client_id,
            group_id=self._group,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            session_timeout_ms=8_000,  # a member that died keeps its share for so long
            heartbeat_interval_ms=500,  # by its answer a member learns that another came or left
            max_poll_interval_ms=600_000,
            fetch_max_wait_ms=self._fetch_wait_ms,
            max_partition_fetch_bytes=4 * 1024 * 1024,
            fetch_max_bytes=32 * 1024 * 1024,
        )
        consumer.subscribe(list(self._topics), listener=self._shares)
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                await consumer.start()
        except BaseException:
            await stop_consumer(consumer)
            raise
        self._outage.end()
        self._consumer = consumer
        return consumer

    async def _drop(self) -> None:
        consumer, self._consumer = self._consumer, None
        self._shares.on_partitions_revoked(())
        if consumer is not None:
            await stop_consumer(consumer)
