"""SQL of the commands' projection. The commander owns the truth; ingest writes what it says."""

from collections.abc import Sequence
from datetime import datetime

import orjson
from sqlalchemy import bindparam, func, select, text, tuple_
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.commands.models import Command, CommandTransition
from vt600_api.devices.models import Device
from vt600_bus.records import CommandRequest, CommandStep

_waiting = (
    select(func.count())
    .where(Command.device_id == Device.device_id, Command.state.in_(("queued", "dispatched", "written")))
    .scalar_subquery()
)
_ADD = text("""
WITH asked AS (
    SELECT * FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS asked (
        command_id text, device_id text, type text, args jsonb, requested_at timestamptz, requested_by text, deadline_at timestamptz,
        sequence_id text, step int, reason text
    )
), transitions AS (
    INSERT INTO fleet.command_transitions (command_id, revision, state, at, attempt, cause, reason)
    SELECT command_id, 0, 'queued', requested_at, 0, 'request', reason FROM asked ON CONFLICT DO NOTHING
)
INSERT INTO fleet.commands (
    command_id, revision, device_id, type, args, state, at, requested_at, requested_by, deadline_at, sequence_id, step
)
SELECT command_id, 0, device_id, type, args, 'queued', requested_at, requested_at, requested_by, deadline_at, sequence_id, step
FROM asked ON CONFLICT DO NOTHING RETURNING *
""")
_DEVICE = select(Device, _waiting).where(Device.device_id == bindparam("device_id"))


async def add_requested(db: AsyncSession, request: CommandRequest) -> Sequence[Command]:
    """What was asked for, revision 0, unless the commander's word is here already; the commands that are new."""
    rows = [_requested(request, step, number) for number, step in enumerate(request.steps)] or [
        _requested(request, request, None)
    ]
    statement = select(Command).from_statement(_ADD)
    return (await db.execute(statement, {"rows": orjson.dumps(rows).decode()})).scalars().all()


def _requested(request: CommandRequest, step: CommandRequest | CommandStep, number: int | None) -> dict[str, object]:
    return {
        "command_id": step.command_id,
        "device_id": request.device_id,
        "type": step.type,
        "args": step.args,
        "requested_at": request.requested_at,
        "requested_by": request.requested_by,
        "deadline_at": step.deadline_at,
        "sequence_id": None if number is None else request.command_id,
        "step": number,
        "reason": step.override_reason and f"interlock overridden: {step.override_reason}",
    }


async def find_device(db: AsyncSession, device_id: str) -> tuple[Device, int] | None:
    """The device, and how many of its commands have not ended, as far as is known here; None when there is no such device."""
    row = (await db.execute(_DEVICE, {"device_id": device_id})).one_or_none()
    return None if row is None else (row[0], row[1])


async def find_sequence(db: AsyncSession, sequence_id: str) -> Sequence[Command]:
    """The commands of a sequence in their order; none when we never heard of it."""
    query = select(Command).where(Command.sequence_id == sequence_id).order_by(Command.step)
    return (await db.execute(query)).scalars().all()


async def list_sequences(
    db: AsyncSession, device_id: str, *, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Sequence[Command]]:
    """Sequences of a device, the newest first; one more than `limit` when there are more."""
    query = (
        select(Command.sequence_id)
        .where(Command.device_id == device_id, Command.step == 0)
        .order_by(Command.requested_at.desc(), Command.sequence_id.desc())
        .limit(limit + 1)
    )
    if after is not None:
        query = query.where(tuple_(Command.requested_at, Command.sequence_id) < after)
    names = [name for name in (await db.execute(query)).scalars() if name is not None]
    found: dict[str, list[Command]] = {name: [] for name in names}
    steps = select(Command).where(Command.sequence_id.in_(names)).order_by(Command.step)
    for command in (await db.execute(steps)).scalars():
        found[command.sequence_id or ""].append(command)
    return list(found.values())


async def find_command(db: AsyncSession, command_id: str) -> Command | None:
    """The command, None when we never heard of it."""
    return await db.get(Command, command_id)


async def transitions(db: AsyncSession, command_id: str) -> Sequence[CommandTransition]:
    """Every known change of a command's state, in order."""
    query = (
        select(CommandTransition).where(CommandTransition.command_id == command_id).order_by(CommandTransition.revision)
    )
    return (await db.execute(query)).scalars().all()


async def list_commands(
    db: AsyncSession,
    *,
    device_id: str | None,
    state: str | None,
    after: tuple[datetime, str] | None,
    limit: int,
) -> Sequence[Command]:
    """Commands, the newest first; one more than `limit` when there are more."""
    query = select(Command).order_by(Command.requested_at.desc(), Command.command_id.desc()).limit(limit + 1)
    if device_id is not None:
        query = query.where(Command.device_id == device_id)
    if state is not None:
        query = query.where(Command.state == state)
    if after is not None:
        query = query.where(tuple_(Command.requested_at, Command.command_id) < after)
    return (await db.execute(query)).scalars().all()
