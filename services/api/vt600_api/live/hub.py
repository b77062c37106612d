"""Fan-out: each message is encoded once and queued for every client that wants it. A slow client delays nobody.

A client that falls behind first gets only the newest position of each device (it is told how many were left out), and is cut off
when even that does not help. How many devices there are does not cut anybody off: what counts is that the client does not read.
"""

import asyncio
import time
from collections import deque
from collections.abc import Iterable, Set
from dataclasses import dataclass, field
from typing import Literal, get_args

Kind = Literal["position", "alarm", "command_status", "link_status", "campaign"]
KINDS: frozenset[Kind] = frozenset(get_args(Kind))

_AT_ONCE = 50  # what a client is given at a time; the rest can still be thinned out
_HARD_LIMIT = 10  # times the length at which a queue is first thinned out


@dataclass(frozen=True, slots=True)
class LiveMessage:
    """One message, encoded. Only positions may be left out for a slow client. What is of no device is for those who want all of them."""

    kind: Kind
    device_id: str | None
    text: str
    traceparent: str | None = None


@dataclass(frozen=True, slots=True)
class Wish:
    """What a client wants to see; None is every device."""

    kinds: Set[Kind] = KINDS
    devices: Set[str] | None = None

    def matches(self, message: LiveMessage) -> bool:
        """Whether the client wants the message."""
        return message.kind in self.kinds and (self.devices is None or message.device_id in self.devices)


@dataclass(slots=True, eq=False)
class Client:
    """One subscriber's queue, thinned out past `limit`. `overrun` is set when it must be cut off."""

    wish: Wish
    limit: int
    full_at: int = 0
    queue: deque[LiveMessage] = field(default_factory=deque)
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    coalesced: int = 0
    behind_since: float | None = None
    overrun: bool = False

    def __post_init__(self) -> None:
        self.full_at = self.limit

    def offer(self, message: LiveMessage) -> None:
        """Queue the message; thin the queue out when it is full."""
        if self.overrun or not self.wish.matches(message):
            return
        self.queue.append(message)
        if len(self.queue) > self.full_at:
            self._coalesce()
        self.wake.set()

    def take(self) -> tuple[list[LiveMessage], int]:
        """The next messages, and how many positions were left out since the last time."""
        messages = [self.queue.popleft() for _ in range(min(len(self.queue), _AT_ONCE))]
        left_out, self.coalesced = self.coalesced, 0
        if not self.queue:
            self.full_at = self.limit
            self.wake.clear()
        return messages, left_out

    def _coalesce(self) -> None:
        """Leave out what is outdated. The next time is when the queue has doubled, so that each message costs the same."""
        newest: dict[str | None, LiveMessage] = {}
        for message in self.queue:
            if message.kind == "position":
                newest[message.device_id] = message
        kept = [m for m in self.queue if m.kind != "position" or newest[m.device_id] is m]
        self.coalesced += len(self.queue) - len(kept)
        if len(kept) > _HARD_LIMIT * self.limit:
            self.overrun = True
            kept = []
        self.full_at = max(self.limit, 2 * len(kept))
        self.queue = deque(kept)
        if self.behind_since is None:
            self.behind_since = time.monotonic()


class Hub:
    """All clients of this process."""

    def __init__(self, *, queue_messages: int) -> None:
        self._queue_messages = queue_messages
        self.clients: set[Client] = set()

    def join(self, wish: Wish) -> Client:
        """A new client; `leave` when it is gone."""
        client = Client(wish, self._queue_messages)
        self.clients.add(client)
        return client

    def leave(self, client: Client) -> None:
        """Forget the client."""
        self.clients.discard(client)

    def publish(self, messages: Iterable[LiveMessage]) -> None:
        """Offer the messages to everybody."""
        for message in messages:
            for client in self.clients:
                client.offer(message)
