"""Brings the trips and summaries of marked devices up to date, each device in one transaction.

A mark is removed only by the transaction that works it off, so a process may be killed anywhere: the next one finds what is left.
Work that is done twice gives the same rows.
"""

import asyncio
import contextlib
import time
from datetime import UTC, datetime
from functools import partial
from typing import Literal

import asyncpg
import structlog

from vt600_api.ingest.store import AWAY, REFUSED, StoreConnection
from vt600_api.summaries.repair import repair_summaries
from vt600_api.trips import store
from vt600_api.trips.metrics import TripsMetrics
from vt600_api.trips.repair import Repair
from vt600_api.trips.rules import fingerprint
from vt600_api.trips.spans import Rules

Way = Literal["resumed", "repaired", "rebuilt"]

_PAUSE_S = 1.0
_NEVER = datetime.max.replace(
    tzinfo=UTC
)  # for trips of other rules: nothing that is stored stays, nothing else is too old

log = structlog.get_logger()


class Worker:
    """One of possibly several; what one works on, the others leave alone."""

    def __init__(self, rules: Rules, *, connection: StoreConnection, metrics: TripsMetrics, interval_s: float) -> None:
        self._rules = rules
        self._fingerprint = fingerprint(rules)
        self._store = connection
        self._metrics = metrics
        self._interval_s = interval_s
        self._looks_for_stale = True

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then the device at work is finished first."""
        while not stop.is_set():
            pause = self._interval_s
            try:
                await self.round(stop)
            except AWAY:
                pause = _PAUSE_S
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(pause):
                    await stop.wait()

    async def round(self, stop: asyncio.Event | None = None) -> None:
        """Work off what is marked now; one of AWAY when the store is."""
        await self._store.run(store.take_marks)
        stale = self._looks_for_stale
        due = await self._store.run(
            lambda connection: store.due_devices(connection, self._fingerprint, also_stale=stale)
        )
        self._metrics.due.set(len(due))
        for device_id in due:
            if stop is not None and stop.is_set():
                return
            try:
                await self._store.run(partial(self._bring_up_to_date, device_id))
            except REFUSED as error:
                self._metrics.failures.inc()
                log.exception("trips.refused", device_id=device_id, error=str(error))
            self._metrics.due.dec()
        self._looks_for_stale = False

    async def _bring_up_to_date(self, device_id: str, connection: asyncpg.Connection) -> None:
        began = time.perf_counter()
        async with connection.transaction():
            due = await store.lock_device(connection, device_id, self._fingerprint)
            if due is None:
                return
            way = await self._work(connection, device_id, due)
            await self._summarise(connection, device_id, due)
        self._metrics.passes.labels(way).inc()
        self._metrics.pass_seconds.observe(time.perf_counter() - began)

    async def _work(self, connection: asyncpg.Connection, device_id: str, due: store.Due) -> Way:
        """Work out what the changes touch, and store it."""
        since, until = due.since or _NEVER, due.until or _NEVER
        place, inclusive = store.NOWHERE, True
        if due.state is not None and due.place is not None and since > due.place[0]:
            way: Way = "resumed"
            repair = Repair(self._rules, stored={}, since=since, until=until, state=due.state)
            place, inclusive = due.place, False
        elif due.is_current and (start := await store.last_boundary(connection, device_id, since)) is not None:
            way = "repaired"
            stored = await store.boundaries_behind(connection, device_id, until)
            repair = Repair(self._rules, stored=stored, since=since, until=until, start=start)
            place = start.started_at, start.frame_id
        else:
            way = "rebuilt"
            stored = await store.boundaries_behind(connection, device_id, until) if due.is_current else {}
            repair = Repair(self._rules, stored=stored, since=since, until=until)
        reached = await self._read(connection, device_id, repair, place, inclusive=inclusive)
        anew = way == "rebuilt"
        await store.save(connection, device_id, repair.outcome(), rules=self._fingerprint, place=reached, anew=anew)
        return way

    async def _summarise(self, connection: asyncpg.Connection, device_id: str, due: store.Due) -> None:
        """Put hours and days right; all of them where they are of other rules."""
        began = time.perf_counter()
        since, until = due.since or store.NOWHERE[0], due.until or _NEVER
        await repair_summaries(connection, device_id, since, until, self._rules)
        self._metrics.summary_seconds.observe(time.perf_counter() - began)

    async def _read(
        self,
        connection: asyncpg.Connection,
        device_id: str,
        repair: Repair,
        place: store.Place,
        *,
        inclusive: bool,
    ) -> store.Place | None:
        """Feed reports until they end or nothing more can change; the last one, None when there was none."""
        reached = None
        while moments := await store.next_moments(connection, device_id, place, inclusive=inclusive):
            self._metrics.reports.inc(len(moments))
            for moment in moments:
                repair.feed(moment)
                if repair.is_done:
                    return None
            reached = place = moments[-1].device_time, moments[-1].frame_id
            inclusive = False
            if len(moments) < store.REPORTS_AT_ONCE:
                break
        return reached
