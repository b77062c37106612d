"""Everything that changes a command's state goes through here: the table is asked, the revision grows, the change is put out."""

from datetime import datetime
from typing import Literal

import msgspec
from sqlalchemy import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus import encode
from vt600_bus.records import CommandState, CommandStatus, Downlink
from vt600_commander.lifecycle import FINAL, check
from vt600_commander.models import QueuedCommand, StatusOutbox

Cause = Literal["request", "dispatch", "listener", "device", "clock", "sequence"]

_ROWS = "status rows"
_RECALLS = "recalls"
_TRACE = "trace"
_TRACES = "traces"


def change(
    db: AsyncSession,
    command: QueuedCommand,
    state: CommandState,
    now: datetime,
    *,
    cause: Cause,
    check_at: datetime | None = None,
    reason: str | None = None,
) -> None:
    """Take the command to another state. `check_at` is when the clock looks at it next; a final state needs none."""
    check(command.state, state, may_have_left=command.tries > 0)
    command.state = state
    command.revision += 1
    command.reason = reason
    command.check_at = None if state in FINAL else check_at or command.deadline_at
    command.retry_at = None
    put_out(db, command, now, cause)


def queue_again(
    db: AsyncSession,
    command: QueuedCommand,
    now: datetime,
    *,
    cause: Cause,
    reason: str,
    retry_at: datetime | None = None,
) -> None:
    """Back to the queue, for a new link or for the next try, which comes no sooner than `retry_at`."""
    check_at = command.deadline_at if retry_at is None else min(retry_at, command.deadline_at)
    change(db, command, "queued", now, cause=cause, check_at=check_at, reason=reason)
    command.retry_at = retry_at


def give_up(
    db: AsyncSession,
    command: QueuedCommand,
    state: Literal["expired", "cancelled", "rejected"],
    now: datetime,
    *,
    cause: Cause,
    reason: str,
) -> None:
    """End a command that will not be sent any more. Those states promise that no byte left; after a try it is `unknown`."""
    change(db, command, "unknown" if command.tries else state, now, cause=cause, reason=reason)


def note(db: AsyncSession, command: QueuedCommand, now: datetime, reason: str, *, cause: Cause) -> None:
    """Say something of a command whose state stays as it is."""
    command.revision += 1
    command.reason = reason
    put_out(db, command, now, cause)


def recall(db: AsyncSession, command: QueuedCommand, record: Downlink) -> None:
    """Have the listener asked for the last dispatch back after the transaction."""
    command.recalled_attempt = command.attempt
    db.info.setdefault(_RECALLS, []).append(record)


def recalls(db: AsyncSession) -> list[Downlink]:
    """What was recalled in this transaction."""
    found: list[Downlink] = db.info.pop(_RECALLS, [])
    return found


def put_out(db: AsyncSession, command: QueuedCommand, now: datetime, cause: Cause) -> None:
    """Have the command's present state published after the transaction, which ends with `write_out`."""
    traceparent = db.info.get(_TRACE) or command.traceparent
    record = encode(_status(command, now, cause))
    row = {"command_id": command.command_id, "created_at": now, "record": record, "traceparent": traceparent}
    db.info.setdefault(_ROWS, []).append(row)
    if command.traceparent is not None:
        db.info.setdefault(_TRACES, {})[command.command_id] = command.traceparent


def follow(db: AsyncSession, traceparent: str | None) -> None:
    """What is put out from now on belongs to this trace; with None, to that of its own command."""
    db.info[_TRACE] = traceparent


def trace_of(db: AsyncSession) -> str | None:
    """The trace that is followed now."""
    found: str | None = db.info.get(_TRACE)
    return found


def traces(db: AsyncSession) -> dict[str, str]:
    """The traces of the commands that were put out in this transaction."""
    found: dict[str, str] = db.info.pop(_TRACES, {})
    return found


async def write_out(db: AsyncSession) -> None:
    """Write what was put out in this transaction, all at once and in that order."""
    rows = db.info.pop(_ROWS, None)
    if rows:
        await db.execute(insert(StatusOutbox), rows)


def _status(command: QueuedCommand, now: datetime, cause: Cause) -> CommandStatus:
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
        cause=cause,
        sequence_id=command.sequence_id,
        step=command.step,
    )
