"""SQL of the commands' projection. The commander owns the truth; ingest writes what it says."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.commands.models import Command, CommandTransition
from vt600_bus.records import CommandRequest


async def add_requested(db: AsyncSession, request: CommandRequest) -> None:
    """The command as it was asked for, revision 0, unless the commander's word is here already."""
    await db.execute(
        insert(Command)
        .values(
            command_id=request.command_id,
            revision=0,
            device_id=request.device_id,
            type=request.type,
            args=request.args,
            state="queued",
            at=request.requested_at,
            requested_at=request.requested_at,
            requested_by=request.requested_by,
            deadline_at=request.deadline_at,
        )
        .on_conflict_do_nothing()
    )
    await db.execute(
        insert(CommandTransition)
        .values(command_id=request.command_id, revision=0, state="queued", at=request.requested_at, attempt=0)
        .on_conflict_do_nothing()
    )


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
