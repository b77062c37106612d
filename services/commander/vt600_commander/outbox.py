"""What was committed → the bus. A crash between the two publishes it later; readers go by revision, listeners by attempt."""

import asyncio
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import TypeVar

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus import Publisher, PublisherFull, Topic, decode
from vt600_bus.records import CommandStatus, Downlink, Session
from vt600_bus.topics import COMMAND_STATUSES, DOWNLINKS, SESSIONS
from vt600_commander import command_queue
from vt600_commander.database import Store
from vt600_commander.downlinks import downlink, recall_of
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.models import QueuedCommand
from vt600_runtime.tracing import OFF, Tracer

Record = TypeVar("Record", Downlink, CommandStatus)

log = structlog.get_logger()

_ROWS = 500
_LOOK_EVERY_S = 5.0
_NOTE_EVERY_S = 1.0
_GATHER_S = 0.05  # states that are committed together go out together

_TAKE_ROWS = text("""
DELETE FROM commander.status_outbox WHERE position IN (
    SELECT position FROM commander.status_outbox ORDER BY position LIMIT :count FOR UPDATE SKIP LOCKED
) RETURNING position, record, traceparent
""")
# Only of what no listener has spoken of yet it matters whether the bus holds it. A command that a step works on is left for the next
# time and returned: who waits for nobody is part of no deadlock.
_NOTE_SENT = text("""
WITH sent AS (
    SELECT command_id, max(attempt) AS attempt
    FROM unnest(CAST(:command_ids AS text[]), CAST(:attempts AS int[])) AS sent (command_id, attempt) GROUP BY command_id
), free AS (
    SELECT command_id FROM commander.queued_commands WHERE command_id = ANY(:command_ids) AND state = 'dispatched'
    FOR UPDATE SKIP LOCKED
), noted AS (
    UPDATE commander.queued_commands AS c SET published_attempt = sent.attempt FROM sent JOIN free USING (command_id)
    WHERE c.command_id = sent.command_id AND c.command_id = ANY(:command_ids) AND c.published_attempt < sent.attempt
)
SELECT command_id FROM commander.queued_commands
WHERE command_id = ANY(:command_ids) AND state = 'dispatched' AND command_id NOT IN (SELECT command_id FROM free)
""")


class Outbox:
    """Publishes dispatches at once, and states in the order in which they were committed."""

    def __init__(
        self, store: Store, publisher: Publisher, metrics: CommanderMetrics, *, open_window: bool, tracer: Tracer = OFF
    ) -> None:
        self._open_window = open_window
        self._store = store
        self._metrics = metrics
        self._tracer = tracer
        self._publisher = publisher
        self._news = asyncio.Event()
        self._sent: list[tuple[asyncio.Future[None], Downlink]] = []

    def committed(self, downlinks: Sequence[Downlink], traces: Mapping[str, str] = {}) -> None:
        """A transaction is through: its dispatches go out now, its states right after. `traces` are those of its commands."""
        for record in downlinks:
            try:
                name = "command.recall" if record.action == "recall" else "command.dispatch"
                future = self._publish(DOWNLINKS, record, traces.get(record.command_id), name)
            except PublisherFull:
                continue  # it stays unpublished in its row and is sent when there is room
            if record.action == "write":
                self._sent.append((future, record))
        self._news.set()

    def show(self, links: Sequence[Session]) -> None:
        """Put the records of live links where compaction keeps them: behind whatever was said of older links."""
        for link in links:
            with suppress(PublisherFull):  # all that is lost is what the next commander knows from its start
                self._publisher.publish(SESSIONS, link.device_id, link)

    async def run(self) -> None:
        """For ever: states as they come; what an earlier process, or one that died, left behind first and then every few seconds."""
        await self._send_left_downlinks(older_than_s=0.0)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._publish_news())
            tasks.create_task(self._look_after_downlinks())

    async def _publish_news(self) -> None:
        while True:
            self._news.clear()
            await self.publish_statuses()
            with suppress(TimeoutError):
                async with asyncio.timeout(_LOOK_EVERY_S):
                    await self._news.wait()
                    await asyncio.sleep(_GATHER_S)

    async def _look_after_downlinks(self) -> None:
        look_at = time.monotonic() + _LOOK_EVERY_S
        while True:
            await asyncio.sleep(_NOTE_EVERY_S)
            await self.note_sent()
            if time.monotonic() >= look_at:
                await self._send_left_downlinks(older_than_s=_LOOK_EVERY_S)
                look_at = time.monotonic() + _LOOK_EVERY_S

    async def publish_statuses(self) -> None:
        """Publish the states that are committed now."""
        while True:
            try:
                statuses = await self._store.transact(self._publish_some)
            except PublisherFull:
                await self._publisher.wait_for_room()
                continue
            for status in statuses:
                self._metrics.count(status)
                _say(status)
            if len(statuses) < _ROWS:
                return

    async def note_sent(self) -> None:
        """Mark the dispatches that the bus holds."""
        held = [record for future, record in self._sent if _is_held(future)]
        if not held:
            return
        values = {
            "command_ids": [record.command_id for record in held],
            "attempts": [record.attempt for record in held],
        }

        async def note(db: AsyncSession) -> set[str]:
            return set((await db.execute(_NOTE_SENT, values)).scalars())

        busy = await self._store.transact(note)
        noted = {(record.command_id, record.attempt) for record in held if record.command_id not in busy}
        self._sent = [sent for sent in self._sent if (sent[1].command_id, sent[1].attempt) not in noted]

    async def _publish_some(self, db: AsyncSession) -> list[CommandStatus]:
        """The rows go for good only when the bus holds what they say; those that another process works on are its own."""
        rows = (await db.execute(_TAKE_ROWS, {"count": _ROWS})).all()
        rows = sorted(rows, key=lambda row: row.position)
        statuses = [decode(CommandStatus, row.record) for row in rows]
        futures = {
            self._publish(COMMAND_STATUSES, status, row.traceparent, "command.state", state=status.state)
            for row, status in zip(rows, statuses, strict=True)
        }
        if futures:
            await asyncio.wait(futures)
        for future in futures:
            future.result()
        return statuses

    async def _send_left_downlinks(self, *, older_than_s: float) -> None:
        """Dispatches that were committed and may never have been published: the same attempt for the same link again. What was asked
        back is asked back again, which does no harm."""
        before = datetime.now(UTC) - timedelta(seconds=older_than_s)

        async def look(db: AsyncSession) -> tuple[Sequence[QueuedCommand], Sequence[QueuedCommand]]:
            return await command_queue.unpublished_downlinks(db, before), await command_queue.recalled(db, before)

        known = {(record.command_id, record.attempt) for _future, record in self._sent}
        unpublished, recalled = await self._store.transact(look)
        left = [downlink(row, open_window=self._open_window) for row in unpublished]
        traces = {row.command_id: row.traceparent for row in unpublished if row.traceparent is not None}
        self.committed([record for record in left if (record.command_id, record.attempt) not in known], traces)
        self.committed([recall_of(row) for row in recalled])

    def _publish(
        self, topic: Topic[Record], record: Record, traceparent: str | None, name: str, **facts: str
    ) -> asyncio.Future[None]:
        """Publish what is said of a command, as a step of its trace."""
        step = self._tracer.follow(
            name,
            traceparent,
            command_id=record.command_id,
            attempt=record.attempt,
            device_id=record.device_id,
            session_id=record.session_id,
            **facts,
        )
        if step is None:
            return self._publisher.publish(topic, record.device_id, record)
        step.end()
        return self._publisher.publish(topic, record.device_id, record, step.traceparent)


def _say(status: CommandStatus) -> None:
    log.info(
        "command.changed",
        command_id=status.command_id,
        attempt=status.attempt,
        device_id=status.device_id,
        session_id=status.session_id,
        state=status.state,
        reason=status.reason,
        cause=status.cause,
    )


def _is_held(future: asyncio.Future[None]) -> bool:
    return future.done() and future.exception() is None
