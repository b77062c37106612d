"""SQL of the queue."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandState
from vt600_commander.lifecycle import UNDERWAY
from vt600_commander.models import QueuedCommand


async def lock_devices(db: AsyncSession, device_ids: Iterable[str]) -> None:
    """Have the devices' commands to ourselves until the transaction ends, whichever process wants them too.

    Locks are taken in one order everywhere, so that two processes never wait for each other.
    """
    for device_id in sorted(set(device_ids)):
        await db.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(device_id, 0))))


async def find(db: AsyncSession, command_id: str) -> QueuedCommand | None:
    """One command."""
    return await db.get(QueuedCommand, command_id)


async def head(db: AsyncSession, device_id: str) -> QueuedCommand | None:
    """The device's next command, unless another one of it is under way: order is kept, one at a time."""
    query = (
        select(QueuedCommand)
        .where(QueuedCommand.device_id == device_id, QueuedCommand.check_at.is_not(None))
        .order_by(QueuedCommand.requested_at, QueuedCommand.command_id)
    )
    waiting = (await db.execute(query)).scalars().all()
    if any(command.state in UNDERWAY for command in waiting):
        return None
    return waiting[0] if waiting else None


async def awaiting_reply(db: AsyncSession, device_id: str, code: str, packet_no: str | None) -> QueuedCommand | None:
    """The command that a reply of this code answers: one under way, else the newest whose outcome is unknown."""
    states: tuple[CommandState, ...] = ("written", "dispatched", "unknown")
    query = select(QueuedCommand).where(
        QueuedCommand.device_id == device_id,
        QueuedCommand.state.in_(states),
        QueuedCommand.reply_code == code,
    )
    candidates = [
        command
        for command in (await db.execute(query)).scalars()
        if command.packet_no is None or packet_no is None or command.packet_no == packet_no
    ]
    candidates.sort(key=lambda command: (command.state != "unknown", command.attempt and command.dispatched_at))
    return candidates[-1] if candidates else None


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
        query = query.where(QueuedCommand.device_id.in_(list(device_ids)))
    return list((await db.execute(query.distinct())).scalars())


async def unpublished_downlinks(db: AsyncSession, before: datetime) -> Sequence[QueuedCommand]:
    """Dispatches that were decided, and of which the bus may not know."""
    query = select(QueuedCommand).where(
        QueuedCommand.state == "dispatched",
        QueuedCommand.downlink_published.is_(False),
        QueuedCommand.dispatched_at < before,
    )
    return (await db.execute(query)).scalars().all()
