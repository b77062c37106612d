"""Requests → queue, once per command id."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandRequest
from vt600_commander import changes, command_queue
from vt600_commander.models import QueuedCommand
from vt600_protocol import CommandError, build_command, command_type

_DEFAULT_DEADLINE = timedelta(seconds=60)

log = structlog.get_logger()


async def take_request(db: AsyncSession, request: CommandRequest, now: datetime) -> None:
    """Queue what is submitted, cancel what can still be cancelled. A repeated request changes nothing."""
    if request.action == "submit":
        await _submit(db, request, now)
    elif request.action == "cancel":
        await _cancel(db, request, now)
    else:
        log.warning("request.not_supported", command_id=request.command_id, action=request.action)


async def _submit(db: AsyncSession, request: CommandRequest, now: datetime) -> None:
    if await command_queue.find(db, request.command_id) is not None:
        return
    name = request.type or ""
    problem: str | None = None
    command_class = "actuating"
    try:
        build_command(name, request.args)
        command_class = command_type(name).command_class
    except CommandError as error:
        problem = str(error)
    deadline_at = request.deadline_at or request.requested_at + _DEFAULT_DEADLINE
    command = QueuedCommand(
        command_id=request.command_id,
        device_id=request.device_id,
        type=name,
        args=request.args,
        command_class=command_class,
        queue=request.queue,
        requested_at=request.requested_at,
        requested_by=request.requested_by,
        deadline_at=deadline_at,
        state="queued",
        revision=1,
        check_at=deadline_at,
        attempt=0,
        downlink_published=False,
    )
    db.add(command)
    changes.put_out(db, command, now)
    if problem is not None:
        changes.change(db, command, "rejected", now, reason=problem)
    elif deadline_at <= now:
        changes.change(db, command, "expired", now, reason="too_late")


async def _cancel(db: AsyncSession, request: CommandRequest, now: datetime) -> None:
    """Before bytes may have left it is cancelled; afterwards its state stays true and says that the wish came too late."""
    command = await command_queue.find(db, request.command_id)
    if command is None or command.check_at is None:
        return
    if command.state == "queued" and command.written is None:
        changes.change(db, command, "cancelled", now, reason=f"cancelled by {request.requested_by}")
    else:
        changes.note(db, command, now, "cancel_too_late")
