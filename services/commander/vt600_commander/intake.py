"""Requests → queue, once per command id."""

from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandRequest
from vt600_commander import changes, command_queue
from vt600_commander.presence import Presence
from vt600_protocol import CommandError, build_command, command_type

_DEADLINES = {"actuating": timedelta(seconds=60), "setting": timedelta(hours=24), "query": timedelta(hours=24)}

log = structlog.get_logger()


async def take_request(db: AsyncSession, request: CommandRequest, presence: Presence, now: datetime) -> None:
    """Queue what is submitted, cancel what can still be cancelled. A repeated request changes nothing."""
    if request.action == "submit":
        await _submit(db, request, presence, now)
    elif request.action == "cancel":
        await _cancel(db, request, now)
    else:
        log.warning("request.not_supported", command_id=request.command_id, action=request.action)


async def _submit(db: AsyncSession, request: CommandRequest, presence: Presence, now: datetime) -> None:
    name = request.type or ""
    problem: str | None = None
    command_class = "actuating"
    try:
        build_command(name, request.args)
        command_class = command_type(name).command_class
    except CommandError as error:
        problem = str(error)
    deadline_at = request.deadline_at or request.requested_at + _DEADLINES[command_class]
    session = presence.session_of(request.device_id) if request.queue == "never" else None
    command = await command_queue.add(
        db,
        command_id=request.command_id,
        device_id=request.device_id,
        type=name,
        args=request.args,
        command_class=command_class,
        output_bytes=request.output_bytes,
        queue=request.queue,
        bound_session_id=None if session is None else session.session_id,
        requested_at=request.requested_at,
        requested_by=request.requested_by,
        deadline_at=deadline_at,
        state="queued",
        revision=1,
        check_at=deadline_at,
        attempt=0,
        tries=0,
        published_attempt=0,
    )
    if command is None:
        return
    changes.put_out(db, command, now)
    if problem is not None:
        changes.give_up(db, command, "rejected", now, reason=problem)
    elif deadline_at <= now:
        changes.give_up(db, command, "expired", now, reason="too_late")
    elif request.queue == "never" and session is None:
        changes.give_up(db, command, "expired", now, reason="offline")


async def _cancel(db: AsyncSession, request: CommandRequest, now: datetime) -> None:
    """What is queued is not sent any more. Later its state stays true and says that the wish came too late."""
    command = await command_queue.find(db, request.command_id)
    if command is None or command.check_at is None:
        return
    if command.state == "queued":
        changes.give_up(db, command, "cancelled", now, reason=f"cancelled by {request.requested_by}")
    elif command.reason != "cancel_too_late":
        changes.note(db, command, now, "cancel_too_late")
