"""The commander's three drives: what the bus asks, who is there, and the clock. Each step is one transaction."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_bus import DeadLetters, Delivery, Follower, RecordError, Subscriber, decode
from vt600_bus.records import CommandRequest, DeliveryReport, Downlink
from vt600_bus.topics import COMMAND_REQUESTS
from vt600_commander import command_queue
from vt600_commander.database import DATABASE_ERRORS, is_away
from vt600_commander.dispatcher import dispatch
from vt600_commander.expiry import expire
from vt600_commander.intake import take_request
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.outbox import Outbox
from vt600_commander.outcomes import take_report
from vt600_commander.presence import Presence
from vt600_commander.settings import CommanderSettings

Record = CommandRequest | DeliveryReport
Work = Callable[[AsyncSession, datetime], Awaitable[Iterable[str]]]

_DUE_AT_ONCE = 200
_LONGEST_SLEEP_S = 30.0
_RETRY_S = 0.5

log = structlog.get_logger()


class Commander:
    """Everything that works on the queue."""

    def __init__(
        self,
        settings: CommanderSettings,
        *,
        sessions: async_sessionmaker[AsyncSession],
        presence: Presence,
        outbox: Outbox,
        dead_letters: DeadLetters,
        metrics: CommanderMetrics,
    ) -> None:
        self._attempts = settings.attempts
        self._reply_timeout = timedelta(seconds=settings.reply_timeout_s)
        self._dispatch_timeout = timedelta(seconds=settings.dispatch_timeout_s)
        self._sessions = sessions
        self._presence = presence
        self._outbox = outbox
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._queue_changed = asyncio.Event()
        self.database_problem: str | None = None

    async def follow_bus(self, subscriber: Subscriber) -> None:
        """Handle requests and delivery reports, for ever."""
        while True:
            batch = await subscriber.next_batch()
            records: list[tuple[Delivery, Record]] = []
            for delivery in batch.deliveries:
                kind: type[Record] = CommandRequest if delivery.topic is COMMAND_REQUESTS else DeliveryReport
                try:
                    records.append((delivery, decode(kind, delivery.value)))
                except RecordError as error:
                    await self._bury(delivery, error)
            await self._handle(records)
            await subscriber.commit(batch)

    async def follow_presence(self, follower: Follower) -> None:
        """Learn of links, and dispatch what waited for them, for ever."""
        while True:
            linked, revived = self._presence.handle(await follower.next_batch())
            if not follower.caught_up.is_set() or not (linked or revived):
                continue
            await self.dispatch_waiting(None if revived else linked)

    async def dispatch_waiting(self, device_ids: Iterable[str] | None = None) -> None:
        """Dispatch what the devices (or all) have queued."""

        async def waiting(db: AsyncSession, _now: datetime) -> Iterable[str]:
            return await command_queue.devices_waiting(db, device_ids)

        await self._until_done(waiting)

    async def follow_clock(self) -> None:
        """Look at each command when its time comes, for ever."""
        while True:
            self._queue_changed.clear()
            pause_s = _LONGEST_SLEEP_S
            try:
                pause_s = await self._look_at_due()
            except DATABASE_ERRORS as error:
                if not is_away(error):
                    raise
                self._note_away(error)
                pause_s = _RETRY_S
            try:
                async with asyncio.timeout(pause_s):
                    await self._queue_changed.wait()
            except TimeoutError:
                continue

    async def _handle(self, records: Sequence[tuple[Delivery, Record]]) -> None:
        """All of them in one transaction; one by one when the database refuses that."""
        if not records:
            return

        async def work(db: AsyncSession, now: datetime) -> Iterable[str]:
            devices = {record.device_id for _delivery, record in records}
            await command_queue.lock_devices(db, devices)
            for _delivery, record in records:
                await self._take(db, record, now)
                await db.flush()
            return devices

        try:
            await self._until_done(work)
        except DATABASE_ERRORS as error:
            if len(records) == 1:
                await self._bury(records[0][0], error)
                return
            for record in records:
                await self._handle([record])

    async def _take(self, db: AsyncSession, record: Record, now: datetime) -> None:
        if isinstance(record, CommandRequest):
            await take_request(db, record, now)
        else:
            await take_report(db, record, self._presence, now, reply_timeout=self._reply_timeout)

    async def _look_at_due(self) -> float:
        """Expire what is due; the seconds until the next look."""
        now = datetime.now(UTC)
        async with self._sessions() as db:
            due = await command_queue.due(db, now, limit=_DUE_AT_ONCE)
        if due:

            async def work(db: AsyncSession, now: datetime) -> Iterable[str]:
                devices = {device_id for _command_id, device_id in due}
                await command_queue.lock_devices(db, devices)
                for command_id, _device_id in due:
                    command = await command_queue.find(db, command_id)
                    if command is not None:
                        expire(db, command, now, attempts=self._attempts, reply_timeout=self._reply_timeout)
                await db.flush()
                return devices

            await self._until_done(work)
        async with self._sessions() as db:
            at = await command_queue.next_check(db)
        self.database_problem = None
        if at is None:
            return _LONGEST_SLEEP_S
        return min(max((at - datetime.now(UTC)).total_seconds(), 0.01), _LONGEST_SLEEP_S)

    async def _until_done(self, work: Work) -> None:
        """Run one transaction until the database takes it, then dispatch for the devices it touched and put out what changed."""
        while True:
            try:
                downlinks = await self._transaction(work)
            except DATABASE_ERRORS as error:
                if not is_away(error):
                    raise
                self._note_away(error)
                await asyncio.sleep(_RETRY_S)
                continue
            self.database_problem = None
            self._outbox.committed(downlinks)
            self._queue_changed.set()
            return

    async def _transaction(self, work: Work) -> list[Downlink]:
        now = datetime.now(UTC)
        async with self._sessions.begin() as db:
            devices = set(await work(db, now))
            await command_queue.lock_devices(db, devices)
            found = [
                await dispatch(db, device_id, self._presence, now, dispatch_timeout=self._dispatch_timeout)
                for device_id in sorted(devices)
            ]
        return [record for record in found if record is not None]

    def _note_away(self, error: BaseException) -> None:
        self.database_problem = str(error).splitlines()[0] if str(error) else type(error).__name__
        log.warning("database.unreachable", error=self.database_problem)

    async def _bury(self, delivery: Delivery, error: Exception) -> None:
        log.warning("record.refused", topic=delivery.topic.name, offset=delivery.offset, error=str(error)[:500])
        await self._dead_letters.publish(delivery, error)
        self._metrics.dead_letters.inc()
