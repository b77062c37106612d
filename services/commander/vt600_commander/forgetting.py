"""Commands that ended long ago are forgotten, with their attempts."""

import asyncio
from datetime import UTC, datetime, timedelta

import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander.database import Store

_EVERY_S = 3600.0
_ROWS = 1_000  # of one transaction

# A sequence needs to know how its earlier steps ended for as long as one of them waits.
_FORGET = text("""
WITH forgotten AS (
    DELETE FROM commander.queued_commands WHERE command_id IN (
        SELECT ended.command_id FROM commander.queued_commands AS ended
        WHERE ended.check_at IS NULL AND ended.deadline_at < :before AND NOT EXISTS (
            SELECT 1 FROM commander.queued_commands AS other
            WHERE other.sequence_id = ended.sequence_id AND other.check_at IS NOT NULL
        )
        ORDER BY ended.deadline_at LIMIT :count FOR UPDATE OF ended SKIP LOCKED
    ) RETURNING command_id
), attempts AS (
    DELETE FROM commander.attempts WHERE command_id IN (SELECT command_id FROM forgotten)
)
SELECT count(*) FROM forgotten
""")

log = structlog.get_logger()


async def forget(db: AsyncSession, before: datetime) -> int:
    """Forget some commands that are final and whose deadline was before that time; how many."""
    return await db.scalar(_FORGET, {"before": before, "count": _ROWS}) or 0


async def forget_for_ever(store: Store, keep: timedelta) -> None:
    """Forget what is old now, and every hour, for ever."""

    async def work(db: AsyncSession) -> int:
        return await forget(db, datetime.now(UTC) - keep)

    while True:
        forgotten = await store.transact(work)
        if forgotten:
            log.info("commands.forgotten", commands=forgotten)
        if forgotten < _ROWS:
            await asyncio.sleep(_EVERY_S)
