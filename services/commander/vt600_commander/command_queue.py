"""SQL of the queue."""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ARRAY, Text, and_, any_, bindparam, exists, func, literal, or_, select, text, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased

from vt600_bus.records import CommandState
from vt600_commander.at_hand import at_hand
from vt600_commander.lifecycle import UNDERWAY
from vt600_commander.models import QueuedCommand

_OPEN_AT_MOST = 2  # one command, and a safety command that could not wait for it

# The locks are taken in the order of their keys everywhere, so that two processes never wait for each other.
_LOCK = text("""
SELECT pg_advisory_xact_lock(key) FROM (
    SELECT DISTINCT hashtextextended(device_id, 0) AS key FROM unnest(CAST(:device_ids AS text[])) AS device_id ORDER BY key
) AS keys
""")

_asked = (
    func.unnest(bindparam("device_ids", type_=ARRAY(Text))).table_valued("device_id", name="asked").render_derived()
)
_earlier = aliased(QueuedCommand)
_blocked = exists().where(
    _earlier.sequence_id == QueuedCommand.sequence_id,
    _earlier.step < QueuedCommand.step,
    _earlier.check_at.is_not(None),
)
_first = (
    select(QueuedCommand)
    .where(
        QueuedCommand.device_id == _asked.c.device_id,
        QueuedCommand.check_at.is_not(None),
        or_(
            QueuedCommand.state.in_(UNDERWAY),
            and_(QueuedCommand.confirm_by.is_(None), or_(QueuedCommand.sequence_id.is_(None), ~_blocked)),
        ),
    )
    .order_by(QueuedCommand.state.not_in(UNDERWAY), QueuedCommand.priority, QueuedCommand.position)
    .limit(_OPEN_AT_MOST + 1)
    .lateral("first")
)
_last_packet_no = (
    select(QueuedCommand.packet_no)
    .where(QueuedCommand.device_id == _asked.c.device_id, QueuedCommand.packet_no.is_not(None))
    .order_by(QueuedCommand.dispatched_at.desc())
    .limit(1)
    .scalar_subquery()
)
_HEADS = select(aliased(QueuedCommand, _first), _last_packet_no).select_from(_asked.join(_first, true()))
_WAITING = (
    select(QueuedCommand.device_id, func.count())
    .where(
        QueuedCommand.device_id == any_(bindparam("device_ids", type_=ARRAY(Text))), QueuedCommand.check_at.is_not(None)
    )
    .group_by(QueuedCommand.device_id)
)
_FIND = select(QueuedCommand).where(QueuedCommand.command_id == any_(bindparam("command_ids", type_=ARRAY(Text))))


class Head(NamedTuple):
    """What a device's queue offers: its commands under way, and the one that comes next. The packet number is that of the newest
    dispatch."""

    device_id: str
    opened: Sequence[QueuedCommand]
    command: QueuedCommand | None
    last_packet_no: str | None


async def lock_devices(db: AsyncSession, device_ids: Iterable[str]) -> None:
    """Have the devices' commands to ourselves until the transaction ends, whichever process wants them too."""
    await db.execute(_LOCK, {"device_ids": sorted(set(device_ids))})


async def add(db: AsyncSession, command: QueuedCommand) -> bool:
    """A new command at the end of its device's queue; False when it is known already."""
    if await find(db, command.command_id) is not None:
        return False
    db.add(command)
    hand = at_hand(db)
    hand.commands[command.command_id] = command
    if command.device_id in hand.waiting:
        hand.waiting[command.device_id] += 1
    return True


async def find(db: AsyncSession, command_id: str) -> QueuedCommand | None:
    """One command."""
    hand = at_hand(db).commands
    return hand[command_id] if command_id in hand else await db.get(QueuedCommand, command_id)


async def find_all(db: AsyncSession, command_ids: Collection[str]) -> dict[str, QueuedCommand | None]:
    """Each of them, None where there is no such command."""
    found: dict[str, QueuedCommand | None] = dict.fromkeys(command_ids)
    if command_ids:
        found |= {
            row.command_id: row for row in (await db.execute(_FIND, {"command_ids": list(command_ids)})).scalars()
        }
    return found


async def heads(db: AsyncSession, device_ids: Sequence[str]) -> list[Head]:
    """Of each device that has something in its queue: safety commands first, then in the order in which they came. A step of a sequence
    comes after those before it have ended."""
    found: dict[str, tuple[str | None, list[QueuedCommand]]] = {}
    for command, packet_no in await db.execute(_HEADS, {"device_ids": device_ids}):
        found.setdefault(command.device_id, (packet_no, []))[1].append(command)
    return [_head(device_id, packet_no, commands) for device_id, (packet_no, commands) in found.items()]


def _head(device_id: str, last_packet_no: str | None, commands: Sequence[QueuedCommand]) -> Head:
    opened = [command for command in commands if command.state in UNDERWAY]
    waiting = [command for command in commands if command.state not in UNDERWAY]
    following = min(waiting, key=lambda command: (command.priority, command.position), default=None)
    return Head(device_id, opened, following, last_packet_no)


async def state_of_step(db: AsyncSession, sequence_id: str, step: int) -> CommandState | None:
    """How a step of a sequence stands."""
    query = select(QueuedCommand.state).where(QueuedCommand.sequence_id == sequence_id, QueuedCommand.step == step)
    return (await db.execute(query)).scalar_one_or_none()


async def waiting(db: AsyncSession, device_id: str) -> int:
    """How many commands of the device have no final state yet."""
    return (await waiting_of(db, [device_id]))[device_id]


async def waiting_of(db: AsyncSession, device_ids: Collection[str]) -> dict[str, int]:
    """The same of many."""
    found = dict.fromkeys(device_ids, 0)
    if device_ids:
        found |= {row[0]: row[1] for row in await db.execute(_WAITING, {"device_ids": list(device_ids)})}
    return found


async def has_room(db: AsyncSession, device_id: str, count: int, limit: int) -> bool:
    """Whether so many more may wait. What was read ahead is enough to say yes; some may have ended since."""
    at_most = at_hand(db).waiting.get(device_id)
    if at_most is not None and at_most + count <= limit:
        return True
    return await waiting(db, device_id) + count <= limit


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
