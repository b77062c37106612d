"""What was committed → the bus. A crash between the two publishes it later; readers go by revision, listeners by attempt."""

import asyncio
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus import Publisher, PublisherFull, decode
from vt600_bus.records import CommandStatus, Downlink
from vt600_bus.topics import COMMAND_STATUSES, DOWNLINKS
from vt600_commander import command_queue
from vt600_commander.database import Store
from vt600_commander.dispatcher import downlink
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.models import QueuedCommand, StatusOutbox

_ROWS = 500
_LOOK_EVERY_S = 5.0


class Outbox:
    """Publishes dispatches at once, and states in the order in which they were committed."""

    def __init__(self, store: Store, publisher: Publisher, metrics: CommanderMetrics) -> None:
        self._store = store
        self._metrics = metrics
        self._publisher = publisher
        self._news = asyncio.Event()
        self._sent: list[tuple[asyncio.Future[None], Downlink]] = []

    def committed(self, downlinks: Sequence[Downlink]) -> None:
        """A transaction is through: its dispatches go out now, its states right after."""
        for record in downlinks:
            try:
                future = self._publisher.publish(DOWNLINKS, record.device_id, record)
            except PublisherFull:
                continue  # it stays unpublished in its row and is sent when there is room
            self._sent.append((future, record))
        self._news.set()

    async def run(self) -> None:
        """Publish for ever; what an earlier process, or one that died, left behind comes first and then every few seconds."""
        await self._send_left_downlinks(older_than_s=0.0)
        look_at = time.monotonic() + _LOOK_EVERY_S
        while True:
            self._news.clear()
            await self.publish_statuses()
            await self._note_sent()
            if time.monotonic() >= look_at:
                await self._send_left_downlinks(older_than_s=_LOOK_EVERY_S)
                look_at = time.monotonic() + _LOOK_EVERY_S
            try:
                async with asyncio.timeout(look_at - time.monotonic()):
                    await self._news.wait()
            except TimeoutError:
                continue

    async def publish_statuses(self) -> None:
        """Publish the states that are committed now."""
        while True:
            try:
                count = await self._store.transact(self._publish_some)
            except PublisherFull:
                await self._publisher.wait_for_room()
                continue
            if count < _ROWS:
                return

    async def _publish_some(self, db: AsyncSession) -> int:
        """Publish the oldest rows and delete them once the bus holds them; rows that another process works on are its own."""
        query = select(StatusOutbox).order_by(StatusOutbox.position).limit(_ROWS).with_for_update(skip_locked=True)
        rows = (await db.execute(query)).scalars().all()
        if not rows:
            return 0
        statuses = [decode(CommandStatus, row.record) for row in rows]
        futures = {self._publisher.publish(COMMAND_STATUSES, status.device_id, status) for status in statuses}
        await asyncio.wait(futures)
        for future in futures:
            future.result()
        await db.execute(delete(StatusOutbox).where(StatusOutbox.position.in_([row.position for row in rows])))
        for status in statuses:
            self._metrics.transitions.labels(status.state).inc()
        return len(rows)

    async def _note_sent(self) -> None:
        """Mark the dispatches that the bus holds."""
        done = [record for future, record in self._sent if future.done() and future.exception() is None]
        if not done:
            return

        async def mark(db: AsyncSession) -> None:
            for record in sorted(done, key=lambda record: record.command_id):
                await db.execute(
                    update(QueuedCommand)
                    .where(QueuedCommand.command_id == record.command_id)
                    .where(QueuedCommand.published_attempt < record.attempt)
                    .values(published_attempt=record.attempt)
                )

        await self._store.transact(mark)
        noted = {(record.command_id, record.attempt) for record in done}
        self._sent = [entry for entry in self._sent if (entry[1].command_id, entry[1].attempt) not in noted]

    async def _send_left_downlinks(self, *, older_than_s: float) -> None:
        """Dispatches that were committed and may never have been published: the same attempt for the same link again."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)

        async def look(db: AsyncSession) -> Sequence[QueuedCommand]:
            return await command_queue.unpublished_downlinks(db, before)

        known = {(record.command_id, record.attempt) for _future, record in self._sent}
        left = [downlink(row) for row in await self._store.transact(look)]
        self.committed([record for record in left if (record.command_id, record.attempt) not in known])
