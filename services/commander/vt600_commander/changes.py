"""Everything that changes a command's state goes through here: the table is asked, the revision grows, the change is put out."""

from datetime import datetime

import msgspec
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus import encode
from vt600_bus.records import CommandState, CommandStatus
from vt600_commander.lifecycle import FINAL, check
from vt600_commander.models import QueuedCommand, StatusOutbox


def change(
    db: AsyncSession,
    command: QueuedCommand,
    state: CommandState,
    now: datetime,
    *,
    check_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    """Take the command to another state. `check_at` is when the clock looks at it next; a final state needs none."""
    check(command.state, state)
    command.state = state
    command.revision += 1
    command.reason = reason
    command.check_at = None if state in FINAL else check_at or command.deadline_at
    put_out(db, command, now)


def note(db: AsyncSession, command: QueuedCommand, now: datetime, reason: str) -> None:
    """Say something of a command whose state stays as it is."""
    command.revision += 1
    command.reason = reason
    put_out(db, command, now)


def put_out(db: AsyncSession, command: QueuedCommand, now: datetime) -> None:
    """Have the command's present state published after the transaction."""
    db.add(StatusOutbox(command_id=command.command_id, created_at=now, record=encode(_status(command, now))))


def _status(command: QueuedCommand, now: datetime) -> CommandStatus:
    return CommandStatus(
        command_id=command.command_id,
        revision=command.revision,
        device_id=command.device_id,
        type=command.type,
        state=command.state,
        at=now,
        requested_at=command.requested_at,
        requested_by=command.requested_by,
        deadline_at=command.deadline_at,
        args=msgspec.to_builtins(command.args),
        attempt=command.attempt,
        reason=command.reason,
        listener_id=command.listener_id,
        session_id=command.session_id,
        written=command.written,
        reply=command.reply,
        reply_text=command.reply_text,
    )
