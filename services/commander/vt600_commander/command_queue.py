"""SQL of the queue."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, and_, any_, exists, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from vt600_bus.records import CommandState
from vt600_commander.lifecycle import UNDERWAY
from vt600_commander.models import QueuedCommand

_OPEN_AT_MOST = 2  # one command, and a safety command that could not wait for it

# The locks are taken in the order of their keys everywhere, so that two processes never wait for each other.
_LOCK = text("""
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended(device_id, 0) AS key FROM unnest(CAST(:device_ids AS text[])) AS device_id ORDER BY key
) AS keys
""")


async def lock_devices(db: AsyncSession, device_ids: Iterable[str]) -> None:
    """Have the devices' commands to ourselves until the transaction ends, whichever process wants them too."""
    await db.execute(_LOCK, {"device_ids": sorted(set(device_ids))})


async def add(db: AsyncSession, **values: object) -> QueuedCommand | None:
    """A new command at the end of its device's queue; None when it is known already."""
    statement = insert(QueuedCommand).values(values).on_conflict_do_nothing().returning(QueuedCommand)
    return (await db.execute(statement)).scalar_one_or_none()


async def find(db: AsyncSession, command_id: str) -> QueuedCommand | None:
    """One command."""
    return await db.get(QueuedCommand, command_id)


class Head(NamedTuple):
    """What a device's queue offers: its commands under way, and the one that comes next."""

    opened: Sequence[QueuedCommand]
    command: QueuedCommand | None


async def head(db: AsyncSession, device_id: str) -> Head:
    """Safety commands first, then in the order in which they came. A step of a sequence comes after those before it have ended."""
    earlier = aliased(QueuedCommand)
    blocked = exists().where(
        earlier.sequence_id == QueuedCommand.sequence_id,
        earlier.step < QueuedCommand.step,
        earlier.check_at.is_not(None),
    )
    query = (
        select(QueuedCommand)
        .where(
            QueuedCommand.device_id == device_id,
            QueuedCommand.check_at.is_not(None),
            or_(
                QueuedCommand.state.in_(UNDERWAY),
                and_(QueuedCommand.confirm_by.is_(None), or_(QueuedCommand.sequence_id.is_(None), ~blocked)),
            ),
        )
        .order_by(QueuedCommand.state.not_in(UNDERWAY), QueuedCommand.priority, QueuedCommand.position)
        .limit(_OPEN_AT_MOST + 1)
    )
    rows = (await db.execute(query)).scalars().all()
    opened = [row for row in rows if row.state in UNDERWAY]
    return Head(opened, next((row for row in rows if row.state not in UNDERWAY), None))


async def state_of_step(db: AsyncSession, sequence_id: str, step: int) -> CommandState | None:
    """How a step of a sequence stands."""
    query = select(QueuedCommand.state).where(QueuedCommand.sequence_id == sequence_id, QueuedCommand.step == step)
    return (await db.execute(query)).scalar_one_or_none()


async def waiting(db: AsyncSession, device_id: str) -> int:
    """How many commands of the device have no final state yet."""
    query = select(func.count()).where(QueuedCommand.device_id == device_id, QueuedCommand.check_at.is_not(None))
    return await db.scalar(query) or 0


async def last_packet_no(db: AsyncSession, device_id: str) -> str | None:
    """The packet number of the newest dispatch to the device."""
    query = (
        select(QueuedCommand.packet_no)
        .where(QueuedCommand.device_id == device_id, QueuedCommand.packet_no.is_not(None))
        .order_by(QueuedCommand.dispatched_at.desc())
        .limit(1)
    )
    return (await db.execute(query)).scalar_one_or_none()


async def due(db: AsyncSession, now: datetime, *, limit: int) -> Sequence[tuple[str, str]]:
    """Command and device of what the clock must look at."""
    query = (
        select(QueuedCommand.command_id, QueuedCommand.device_id)
        .where(QueuedCommand.check_at <= now)
        .order_by(QueuedCommand.check_at)
        .limit(limit)
    )
    return [(row.command_id, row.device_id) for row in await db.execute(query)]


async def next_check(db: AsyncSession) -> datetime | None:
    """When the clock must look again."""
    found: datetime | None = await db.scalar(select(func.min(QueuedCommand.check_at)))
    return found


async def devices_waiting(db: AsyncSession, device_ids: Iterable[str] | None = None) -> list[str]:
    """Those of the devices (or of all) for which a new link counts: something is queued, or held on a link that may be gone."""
    query = select(QueuedCommand.device_id).where(
        QueuedCommand.check_at.is_not(None),
        or_(
            QueuedCommand.state == "queued",
            and_(QueuedCommand.state == "dispatched", QueuedCommand.held_at.is_not(None)),
        ),
    )
    if device_ids is not None:
        query = query.where(QueuedCommand.device_id == any_(literal(list(device_ids), ARRAY(Text))))
    return list((await db.execute(query.distinct())).scalars())


async def recalled(db: AsyncSession, before: datetime) -> Sequence[QueuedCommand]:
    """Dispatches that were asked back, and of which no listener has said a word."""
    query = select(QueuedCommand).where(
        QueuedCommand.check_at.is_not(None),
        QueuedCommand.state == "dispatched",
        QueuedCommand.recalled_attempt == QueuedCommand.attempt,
        QueuedCommand.dispatched_at < before,
    )
    return (await db.execute(query)).scalars().all()


async def unpublished_downlinks(db: AsyncSession, before: datetime) -> Sequence[QueuedCommand]:
    """Dispatches that were decided, and of which the bus may not know."""
    query = select(QueuedCommand).where(
        QueuedCommand.check_at.is_not(None),
        QueuedCommand.state == "dispatched",
        QueuedCommand.published_attempt < QueuedCommand.attempt,
        QueuedCommand.dispatched_at < before,
    )
    return (await db.execute(query)).scalars().all()
