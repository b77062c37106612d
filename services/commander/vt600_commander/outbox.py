"""What was committed → the bus. A crash between the two publishes it later; readers go by revision, listeners by attempt."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import delete, select, update
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_bus import Publisher, PublisherFull, decode
from vt600_bus.records import CommandStatus, Downlink
from vt600_bus.topics import COMMAND_STATUSES, DOWNLINKS
from vt600_commander import command_queue
from vt600_commander.database import DATABASE_ERRORS
from vt600_commander.dispatcher import downlink
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.models import QueuedCommand, StatusOutbox

_ROWS = 500
_LOOK_AGAIN_S = 5.0
_PAUSE_S = 0.5

log = structlog.get_logger()


class Outbox:
    """Publishes dispatches at once, and states in the order in which they were committed."""

    def __init__(
        self, sessions: async_sessionmaker[AsyncSession], publisher: Publisher, metrics: CommanderMetrics
    ) -> None:
        self._sessions = sessions
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
        """Publish for ever; what an earlier process left behind comes first."""
        await self._retry_while_away(self._send_left_downlinks)
        while True:
            self._news.clear()
            await self._retry_while_away(self._publish_statuses)
            await self._retry_while_away(self._note_sent)
            try:
                async with asyncio.timeout(_LOOK_AGAIN_S):
                    await self._news.wait()
            except TimeoutError:
                await self._retry_while_away(self._send_left_downlinks)

    async def _publish_statuses(self) -> None:
        while True:
            async with self._sessions.begin() as db:
                query = (
                    select(StatusOutbox).order_by(StatusOutbox.position).limit(_ROWS).with_for_update(skip_locked=True)
                )
                rows = (await db.execute(query)).scalars().all()
                if not rows:
                    return
                futures = set()
                for row in rows:
                    status = decode(CommandStatus, row.record)
                    futures.add(self._publisher.publish(COMMAND_STATUSES, status.device_id, status))
                    self._metrics.transitions.labels(status.state).inc()
                await asyncio.wait(futures)
                await db.execute(delete(StatusOutbox).where(StatusOutbox.position.in_([row.position for row in rows])))

    async def _note_sent(self) -> None:
        done = [(future, record) for future, record in self._sent if future.done()]
        if not done:
            return
        async with self._sessions.begin() as db:
            for _future, record in done:
                await db.execute(
                    update(QueuedCommand)
                    .where(QueuedCommand.command_id == record.command_id, QueuedCommand.attempt == record.attempt)
                    .values(downlink_published=True)
                )
        self._sent = [entry for entry in self._sent if entry not in done]

    async def _send_left_downlinks(self) -> None:
        """Dispatches that were committed and may never have been published: the same attempt for the same link again."""
        known = {(record.command_id, record.attempt) for _future, record in self._sent}
        async with self._sessions() as db:
            before = datetime.now(UTC) - timedelta(seconds=_LOOK_AGAIN_S if self._sent else 0)
            left = [downlink(row) for row in await command_queue.unpublished_downlinks(db, before)]
        self.committed([record for record in left if (record.command_id, record.attempt) not in known])

    async def _retry_while_away(self, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await step()
            except PublisherFull:
                await self._publisher.wait_for_room()
            except DATABASE_ERRORS as error:
                log.warning("outbox.delayed", error=str(error).splitlines()[0] if str(error) else type(error).__name__)
                await asyncio.sleep(_PAUSE_S)
            else:
                return
