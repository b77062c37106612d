"""What the listener asks of the bus, and the rule for records that nobody waits for."""

import asyncio
from typing import Protocol, TypeVar

from msgspec import Struct

from vt600_bus import PublisherFull
from vt600_bus.topics import Topic
from vt600_listener.metrics import Metrics

R = TypeVar("R", bound=Struct)


class RecordPublisher(Protocol):
    """The part of the bus publisher that links work with."""

    @property
    def pending_bytes(self) -> int:
        """How much is not durable yet."""

    @property
    def oldest_pending_s(self) -> float:
        """For how long the oldest such record has waited."""

    @property
    def healthy(self) -> bool:
        """Whether the broker takes records."""

    def publish(self, topic: Topic[R], key: str, record: R, traceparent: str | None = None) -> "asyncio.Future[None]":
        """Queues a record; the future is done when the broker holds it."""


class Notices:
    """Publishes records about links (sessions, rejects, deliveries, leases): nothing waits for them, a full bus drops them."""

    def __init__(self, publisher: RecordPublisher, metrics: Metrics) -> None:
        self._publisher = publisher
        self._metrics = metrics

    def publish(self, topic: Topic[R], key: str, record: R, traceparent: str | None = None) -> bool:
        """Queues the record; false when the bus had no room for it."""
        try:
            future = self._publisher.publish(topic, key, record, traceparent)
        except PublisherFull:
            self._metrics.notices_dropped.labels(topic.name).inc()
            return False
        future.add_done_callback(_read_outcome)
        return True


def _read_outcome(future: "asyncio.Future[None]") -> None:
    if not future.cancelled():
        future.exception()
