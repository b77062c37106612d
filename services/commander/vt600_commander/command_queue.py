"""SQL of the queue."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import ARRAY, Text, any_, func, literal, or_, select, text
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandState
from vt600_commander.lifecycle import UNDERWAY
from vt600_commander.models import QueuedCommand

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


async def head(db: AsyncSession, device_id: str) -> QueuedCommand | None:
    """The device's next command, unless another one of it is under way.

    One command of a device at a time, in the order in which they came: a device obeys one at a time (SPEC §3.10), and so there is
    never more than one open command of a reply code.
    """
    query = (
        select(QueuedCommand)
        .where(QueuedCommand.device_id == device_id, QueuedCommand.check_at.is_not(None))
        .order_by(QueuedCommand.state.not_in(UNDERWAY), QueuedCommand.position)
        .limit(1)
    )
    first = (await db.execute(query)).scalar_one_or_none()
    return None if first is None or first.state in UNDERWAY else first


async def answerable(db: AsyncSession, device_id: str, code: str, packet_no: str | None) -> Sequence[QueuedCommand]:
    """The commands of the device that a reply of this code and packet number may answer."""
    states: tuple[CommandState, ...] = ("written", "dispatched", "unknown")
    query = select(QueuedCommand).where(
        QueuedCommand.device_id == device_id,
        or_(QueuedCommand.check_at.is_not(None), QueuedCommand.state == "unknown"),
        or_(QueuedCommand.state.in_(states), QueuedCommand.tries > 0),
        QueuedCommand.reply_code == code,
        QueuedCommand.packet_no.is_not_distinct_from(packet_no),
    )
    return (await db.execute(query)).scalars().all()


async def is_used(db: AsyncSession, device_id: str, code: str, at: datetime) -> bool:
    """Whether this reply has settled a command already: reports may be read twice."""
    query = select(QueuedCommand.command_id).where(
        QueuedCommand.device_id == device_id, QueuedCommand.replied_at == at, QueuedCommand.reply_code == code
    )
    return (await db.execute(query.limit(1))).first() is not None


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
    """Those of the devices (or of all) that have something queued."""
    query = select(QueuedCommand.device_id).where(QueuedCommand.check_at.is_not(None), QueuedCommand.state == "queued")
    if device_ids is not None:
        query = query.where(QueuedCommand.device_id == any_(literal(list(device_ids), ARRAY(Text))))
    return list((await db.execute(query.distinct())).scalars())


async def unpublished_downlinks(db: AsyncSession, before: datetime) -> Sequence[QueuedCommand]:
    """Dispatches that were decided, and of which the bus may not know."""
    query = select(QueuedCommand).where(
        QueuedCommand.check_at.is_not(None),
        QueuedCommand.state == "dispatched",
        QueuedCommand.published_attempt < QueuedCommand.attempt,
        QueuedCommand.dispatched_at < before,
    )
    return (await db.execute(query)).scalars().all()
