"""Links of listeners that died without a word: closed as `listener_lost`, and taken back when the listener turns out to live.

Every ingest process looks; who comes second finds nothing to do. A listener's silence counts only while the bus answers.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import asyncpg
import structlog

from vt600_api.ingest.consumer import NotPublished
from vt600_api.ingest.sessions import SessionWriter
from vt600_api.ingest.store import AWAY, REFUSED, StoreConnection
from vt600_bus import Delivery, Follower, Publisher, RecordError, decode, facts_of
from vt600_bus.records import Listener

_LOOK_EVERY_S = 2.0
_TIDY_EVERY_S = 60.0
_UNKNOWN_LEASE_S = 10.0  # for a listener whose links are known before it is
_LISTENERS = "SELECT DISTINCT listener_id FROM fleet.device_sessions WHERE state = 'open'"

T = TypeVar("T")

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Leases:
    """Which listeners are alive. `trust` is told whether the bus answers."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, utc_now: Callable[[], datetime] = _utc_now) -> None:
        self._clock = clock
        self._utc_now = utc_now
        self._until: dict[str, float] = {}
        self._leases: dict[str, Listener] = {}
        self._trusted_since: float | None = None

    def trust(self, *, answering: bool) -> None:
        """Silence before the bus answered is not the listeners' own."""
        if not answering:
            self._trusted_since = None
        elif self._trusted_since is None:
            self._trusted_since = self._clock()

    def hear(self, deliveries: Iterable[Delivery], *, live: bool) -> set[str]:
        """Take in renewals; the listeners that came to life by them. One from before our start counts from the time that it carries."""
        came: set[str] = set()
        now = self._clock()
        for delivery in deliveries:
            try:
                lease = decode(Listener, delivery.value)
                age_s = 0.0 if live else max(0.0, (self._utc_now() - lease.renewed_at).total_seconds())
            except (RecordError, TypeError) as error:
                log.warning("lease.skipped", error=str(error), **facts_of(delivery))
                continue
            if self._until.get(lease.listener_id, now) <= now < now + lease.lease_s - age_s:
                came.add(lease.listener_id)
            self._until[lease.listener_id] = now + lease.lease_s - age_s
            self._leases[lease.listener_id] = lease
        return came

    def ended(self, listener_id: str) -> datetime | None:
        """When the listener's lease ended, None while it must be held for alive."""
        lease = self._leases.get(listener_id)
        lease_s = _UNKNOWN_LEASE_S if lease is None else lease.lease_s
        until = self._until.setdefault(listener_id, self._clock() + lease_s)
        if self._trusted_since is None or self._clock() < max(until, self._trusted_since + lease_s):
            return None
        now = self._utc_now()
        return now if lease is None else min(now, lease.renewed_at + timedelta(seconds=lease_s))


class LeaseSweep:
    """Looks after the links of listeners that are silent, for ever."""

    def __init__(
        self, writer: SessionWriter, *, store: StoreConnection, publisher: Publisher, follower: Follower
    ) -> None:
        self._writer = writer
        self._store = store
        self._publisher = publisher
        self._follower = follower
        self._leases = Leases()
        self._came: set[str] = set()

    async def run(self) -> None:
        """For ever."""
        async with self._follower, asyncio.TaskGroup() as tasks:
            tasks.create_task(self._follow())
            tasks.create_task(self._look())
            tasks.create_task(self._tidy())

    async def _follow(self) -> None:
        while True:
            deliveries = await self._follower.next_batch()
            self._came |= self._leases.hear(deliveries, live=self._follower.caught_up.is_set())

    async def _look(self) -> None:
        while True:
            await asyncio.sleep(_LOOK_EVERY_S)
            bus = self._follower
            self._leases.trust(answering=bus.caught_up.is_set() and bus.connected and self._publisher.healthy)
            held = await self._until_done(_listeners)
            for listener_id in sorted(held):
                ended = self._leases.ended(listener_id)
                if ended is not None:
                    await self._lose(listener_id, ended)
            while self._came:
                await self._revive(self._came.pop())

    async def _tidy(self) -> None:
        while True:
            await asyncio.sleep(_TIDY_EVERY_S)
            await self._until_done(self._writer.forget_strangers)

    async def _lose(self, listener_id: str, ended: datetime) -> None:
        links = await self._until_done(lambda connection: self._writer.lose(connection, listener_id, ended))
        log.warning("listener.lost", listener_id=listener_id, links=links)

    async def _revive(self, listener_id: str) -> None:
        links = await self._until_done(lambda connection: self._writer.revive(connection, listener_id))
        if links:
            log.info("listener.back", listener_id=listener_id, links=links)

    async def _until_done(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """The work's result, tried until store and bus have it: what is once published must be stored, too."""
        while True:
            try:
                return await self._store.run(work)
            except NotPublished as error:
                await asyncio.wait(error.waiting)
            except (*REFUSED, *AWAY):
                await asyncio.sleep(_LOOK_EVERY_S)


async def _listeners(connection: asyncpg.Connection) -> list[str]:
    return [row["listener_id"] for row in await connection.fetch(_LISTENERS)]
