"""Looking through the dead letters, and giving records another try."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Self

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from vt600_bus.dead_letters import VALUE_BYTES
from vt600_bus.records import DeadLetter
from vt600_bus.serde import decode
from vt600_bus.settings import KafkaSettings
from vt600_bus.teardown import stop_consumer
from vt600_bus.topics import DEAD_LETTERS

_PLACE = TopicPartition(DEAD_LETTERS.name, 0)
_WAIT_MS = 500


@dataclass(frozen=True, slots=True)
class StoredLetter:
    """A dead letter and its number, which is its offset. One that is not `whole` lost its end and cannot be tried again."""

    number: int
    letter: DeadLetter

    @property
    def whole(self) -> bool:
        """Whether the record's value is all there."""
        value = self.letter.value
        return value is not None and len(value) < VALUE_BYTES


class LetterBox:
    """The dead letters of a cluster. KafkaError when the broker is away."""

    def __init__(self, settings: KafkaSettings, consumer: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._consumer = consumer

    @classmethod
    @asynccontextmanager
    async def open(cls, settings: KafkaSettings) -> AsyncIterator[Self]:
        """Connects, and leaves nothing behind."""
        consumer = AIOKafkaConsumer(**settings.client_options(), client_id="letter-box", group_id=None)
        try:
            await consumer.start()
            consumer.assign([_PLACE])
            yield cls(settings, consumer)
        finally:
            await stop_consumer(consumer)

    async def read(self) -> AsyncIterator[StoredLetter]:
        """All letters that are there now, the oldest first."""
        begin = (await self._consumer.beginning_offsets([_PLACE]))[_PLACE]
        end = (await self._consumer.end_offsets([_PLACE]))[_PLACE]
        self._consumer.seek(_PLACE, begin)
        while begin < end:
            fetched = await self._consumer.getmany(timeout_ms=_WAIT_MS)
            for record in fetched.get(_PLACE, ()):
                begin = record.offset + 1
                yield StoredLetter(record.offset, decode(DeadLetter, record.value))

    async def find(self, number: int) -> StoredLetter | None:
        """The letter of a number, None when there is none (any more)."""
        async for stored in self.read():
            if stored.number == number:
                return stored
        return None

    async def requeue(self, letters: Sequence[StoredLetter]) -> None:
        """Publish the records again as they were; whoever handles them knows those that he has handled before."""
        producer = AIOKafkaProducer(**self._settings.client_options(), client_id="letter-box", acks="all")
        try:
            await producer.start()
            for stored in letters:
                await producer.send_and_wait(stored.letter.topic, key=stored.letter.key, value=stored.letter.value)
        finally:
            await producer.stop()
