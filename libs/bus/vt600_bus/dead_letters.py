"""Records that a consumer could not handle, kept with their reason so that the partition can move on."""

import asyncio
from datetime import UTC, datetime

from vt600_bus.publisher import Publisher
from vt600_bus.records import DeadLetter
from vt600_bus.subscriber import Delivery
from vt600_bus.topics import DEAD_LETTERS

VALUE_BYTES = 512 * 1024


class DeadLetters:
    """Publishes to `vt600.dead-letters.v1` in the name of one consumer."""

    def __init__(self, publisher: Publisher, consumer: str) -> None:
        self._publisher = publisher
        self._consumer = consumer

    def publish(self, delivery: Delivery, error: Exception) -> asyncio.Future[None]:
        """Queue the record as it was; the future is done when the broker holds it."""
        letter = DeadLetter(
            topic=delivery.topic.name,
            partition=delivery.partition,
            offset=delivery.offset,
            consumer=self._consumer,
            error=f"{type(error).__name__}: {error}",
            at=datetime.now(UTC),
            key=None if delivery.key is None else delivery.key.encode(),
            value=None if delivery.value is None else delivery.value[:VALUE_BYTES],
        )
        return self._publisher.publish(DEAD_LETTERS, delivery.topic.name, letter)
