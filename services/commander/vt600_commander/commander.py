"""The commander's drives: what the bus asks, whose link changed, and the clock. Each step is one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from datetime import UTC, datetime

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus import DeadLetters, Delivery, Follower, PublisherFull, RecordError, Subscriber, facts_of
from vt600_bus.records import CommandRequest, Downlink, Session
from vt600_commander import changes, command_queue
from vt600_commander.ahead import read_ahead
from vt600_commander.database import DATABASE_ERRORS, Store
from vt600_commander.dispatcher import dispatch
from vt600_commander.expiry import expire
from vt600_commander.intake import take_request
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.outbox import Outbox
from vt600_commander.outcomes import take_report
from vt600_commander.presence import Presence
from vt600_commander.reading import Record, read
from vt600_commander.rules import Rules
from vt600_runtime.tracing import OFF, Tracer

Work = Callable[[AsyncSession, datetime], Awaitable[None]]

_AT_ONCE = 200  # devices, and so locks, of one transaction
_LONGEST_SLEEP_S = 30.0
_STEP_S = 0.01  # steps begin no sooner one after another: what comes meanwhile shares the next one's questions
_GATHER_S = 0.05  # changes of the queue that come together are one question of the clock
_BUS_PAUSE_S = 0.5

log = structlog.get_logger()


class Commander:
    """Everything that works on the queue."""

    def __init__(
        self,
        rules: Rules,
        *,
        store: Store,
        presence: Presence,
        outbox: Outbox,
        dead_letters: DeadLetters,
        metrics: CommanderMetrics,
        tracer: Tracer = OFF,
    ) -> None:
        self._rules = rules
        self._store = store
        self._presence = presence
        self._outbox = outbox
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._tracer = tracer
        self._queue_changed = asyncio.Event()
        self._links: set[str] = set()
        self._links_changed = asyncio.Event()

    async def follow_bus(self, subscriber: Subscriber) -> None:
        """Handle requests and delivery reports, for ever."""
        clock = asyncio.get_running_loop().time
        while True:
            batch = await subscriber.next_batch()
            next_at = clock() + _STEP_S
            records: list[tuple[Delivery, Record]] = []
            for delivery in batch.deliveries:
                try:
                    records.append((delivery, read(delivery)))
                except RecordError as error:
                    await self._bury(delivery, error)
            await self._handle(records)
            await subscriber.commit(batch)
            await asyncio.sleep(next_at - clock())

    async def follow_presence(self, follower: Follower) -> None:
        """Learn of links, for ever. It never waits for the database, so that presence stays true while that is away."""
        while True:
            deliveries = await follower.next_batch()
            live = follower.caught_up.is_set()
            changed = self._presence.handle(deliveries, live=live)
            if live:
                self._outbox.show(self._presence.take_hidden())
                self._look_again(changed)

    async def follow_links(self) -> None:
        """Dispatch what waited for a link; at the start whatever waits, for ever."""
        await self._dispatch_waiting(None)
        while True:
            await self._links_changed.wait()
            self._links_changed.clear()
            changed, self._links = self._links, set()
            await self._dispatch_waiting(changed)

    async def follow_clock(self) -> None:
        """Look at each command when its time comes, for ever."""
        while True:
            self._queue_changed.clear()
            at = await self._store.transact(command_queue.next_check)
            pause_s = _LONGEST_SLEEP_S if at is None else (at - datetime.now(UTC)).total_seconds()
            if pause_s <= 0:
                await self._look_at_due()
                continue
            try:
                async with asyncio.timeout(min(pause_s, _LONGEST_SLEEP_S)):
                    await self._queue_changed.wait()
                    await asyncio.sleep(_GATHER_S)
            except TimeoutError:
                continue

    async def _handle(self, records: Sequence[tuple[Delivery, Record]]) -> None:
        """All of them in one transaction; one by one when the database refuses that."""
        if not records:
            return

        async def work(db: AsyncSession, now: datetime) -> None:
            await read_ahead(db, [record for _delivery, record in records], now)
            for delivery, record in records:
                await self._take(db, delivery, record, now)

        try:
            await self._step({record.device_id for _delivery, record in records}, work)
        except DATABASE_ERRORS as error:
            if len(records) == 1:
                await self._bury(records[0][0], error)
                return
            for record in records:
                await self._handle([record])

    async def _take(self, db: AsyncSession, delivery: Delivery, record: Record, now: datetime) -> None:
        step = None
        if delivery.traceparent is not None:
            name = "command.queue" if isinstance(record, CommandRequest) else "command.settle"
            step = self._tracer.follow(name, delivery.traceparent, **facts_of(delivery))
            changes.follow(db, None if step is None else step.traceparent)
        if isinstance(record, CommandRequest):
            await take_request(db, record, self._presence, now, self._rules)
        else:
            await take_report(db, record, self._presence, now, reply_timeout=self._rules.reply)
        if step is not None:
            step.end()
            changes.follow(db, None)

    async def _dispatch_waiting(self, device_ids: Collection[str] | None) -> None:
        """Dispatch what these devices (or all) have queued."""

        async def nothing_else(_db: AsyncSession, _now: datetime) -> None:
            return

        async def look(db: AsyncSession) -> list[str]:
            return await command_queue.devices_waiting(db, device_ids)

        waiting = await self._store.transact(look)
        for first in range(0, len(waiting), _AT_ONCE):
            await self._step(waiting[first : first + _AT_ONCE], nothing_else)

    async def _look_at_due(self) -> None:
        async def look(db: AsyncSession) -> Sequence[tuple[str, str]]:
            return await command_queue.due(db, datetime.now(UTC), limit=_AT_ONCE)

        due = await self._store.transact(look)
        if not due:
            return

        async def work(db: AsyncSession, now: datetime) -> None:
            found = await command_queue.find_all(db, [command_id for command_id, _device_id in due])
            for command in found.values():
                if command is not None:
                    expire(db, command, now, self._rules)

        await self._step({device_id for _command_id, device_id in due}, work)

    async def _step(self, device_ids: Iterable[str], work: Work) -> None:
        """One transaction on these devices: the work, then the dispatch of what may go. What changed is put out after it."""
        devices = sorted(set(device_ids))
        links: dict[str, Session | None] = {}

        async def transaction(db: AsyncSession) -> tuple[list[Downlink], dict[str, str]]:
            await command_queue.lock_devices(db, devices)
            now = datetime.now(UTC)
            await work(db, now)
            links.update({device_id: self._presence.session_of(device_id) for device_id in devices})
            found = await dispatch(db, devices, self._presence, now, self._rules)
            await changes.write_out(db)
            return [*changes.recalls(db), *found], changes.traces(db)

        self._outbox.committed(*await self._store.transact(transaction))
        self._queue_changed.set()
        self._look_again(
            {device_id for device_id, link in links.items() if self._presence.session_of(device_id) is not link}
        )

    def _look_again(self, device_ids: Collection[str]) -> None:
        """Links that came while a transaction was open looked for what waits before it was there to be seen."""
        if device_ids:
            self._links |= set(device_ids)
            self._links_changed.set()

    async def _bury(self, delivery: Delivery, error: Exception) -> None:
        """Keep a record that cannot be handled, with its reason, so that its partition moves on."""
        log.warning("record.refused", error=str(error)[:500], **facts_of(delivery))
        while True:
            try:
                await self._dead_letters.publish(delivery, error)
            except PublisherFull:
                await asyncio.sleep(_BUS_PAUSE_S)
            else:
                break
        self._metrics.dead_letters.inc()
