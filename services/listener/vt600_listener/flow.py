"""How much may wait for the broker: what is confirmed when it is durable, and when links must stop reading."""

import asyncio
from collections import deque
from typing import Protocol

from vt600_listener.clock import Clock
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import RecordPublisher
from vt600_listener.session import Link

_LOW_WATER = 0.75


class Parked(Protocol):
    """A link that waits for room on the bus."""

    def unpark(self) -> None:
        """There is room again."""


class _Due:
    """Frames of one link in one batch, and what to tell the unit when they are durable."""

    __slots__ = ("confirmations", "frames", "link")

    def __init__(self, link: Link) -> None:
        self.link = link
        self.frames = 0
        self.confirmations: list[bytes] = []


class _Batch:
    __slots__ = ("dues", "since")

    def __init__(self, since: float) -> None:
        self.since = since
        self.dues: list[_Due] = []


class Flow:
    """Watches the frames on their way to the broker. One callback per batch of the publisher, however many frames it has."""

    def __init__(
        self,
        *,
        publisher: RecordPublisher,
        clock: Clock,
        metrics: Metrics,
        max_pending_bytes: int,
        away_limit_s: float,
    ) -> None:
        self._publisher = publisher
        self._clock = clock
        self._metrics = metrics
        self._limit = max_pending_bytes
        self._away_limit_s = away_limit_s
        self._batches: dict[asyncio.Future[None], _Batch] = {}
        self._parked: deque[Parked] = deque()
        metrics.pending_bytes.set_function(lambda: publisher.pending_bytes)
        metrics.oldest_pending_seconds.set_function(lambda: publisher.oldest_pending_s)
        metrics.links_paused.set_function(lambda: len(self._parked))

    @property
    def full(self) -> bool:
        """Whether so much waits for the broker that no link may be read."""
        return self._publisher.pending_bytes >= self._limit

    @property
    def away(self) -> bool:
        """Whether the broker has been silent for so long that units had better keep their records."""
        return self._publisher.oldest_pending_s > self._away_limit_s

    @property
    def healthy(self) -> bool:
        """Whether a frame that arrives now will be durable soon."""
        return self._publisher.healthy and not self.full and not self.away

    def track(self, future: "asyncio.Future[None]", link: Link, confirmation: bytes | None) -> None:
        """Tells the link when the frame behind this future is durable; only then may its confirmation leave."""
        batch = self._batches.get(future)
        if batch is None:
            batch = self._batches[future] = _Batch(self._clock.monotonic())
            future.add_done_callback(self._on_done)
        dues = batch.dues
        if dues and dues[-1].link is link:
            due = dues[-1]
        else:
            due = _Due(link)
            dues.append(due)
        due.frames += 1
        if confirmation is not None:
            due.confirmations.append(confirmation)

    def park(self, link: Parked) -> None:
        """Has the link told when there is room again."""
        self._parked.append(link)

    def release(self) -> None:
        """Wakes the links that wait for room, in order, as long as there is some."""
        if self._publisher.pending_bytes > self._limit * _LOW_WATER:
            return
        for _ in range(len(self._parked)):
            if self.full:
                return
            self._parked.popleft().unpark()

    def _on_done(self, future: "asyncio.Future[None]") -> None:
        batch = self._batches.pop(future)
        if future.cancelled() or future.exception() is not None:
            for due in batch.dues:
                self._metrics.frames_lost.inc(due.frames)
                due.link.lost(due.frames)
            return
        self._metrics.durable_seconds.observe(self._clock.monotonic() - batch.since)
        for due in batch.dues:
            due.link.durable(due.frames, due.confirmations)
        if self._parked:
            self.release()
