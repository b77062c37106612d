"""Requests → queue, once per command id."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandRequest, CommandStep
from vt600_commander import changes, command_queue
from vt600_commander.downlinks import recall_of
from vt600_commander.presence import Presence
from vt600_commander.rules import Rules
from vt600_protocol import Command, CommandError, SetImmobiliser, SetOutput, SetOutputs, build_command
from vt600_protocol.commands.vehicle import RunOutputPattern

SAFETY, NORMAL = 0, 1

_DEADLINES = {"actuating": timedelta(seconds=60), "setting": timedelta(hours=24), "query": timedelta(hours=24)}
_SAFETY_COMMANDS = (SetImmobiliser, SetOutput, SetOutputs, RunOutputPattern)

log = structlog.get_logger()


async def take_request(
    db: AsyncSession, request: CommandRequest, presence: Presence, now: datetime, rules: Rules
) -> None:
    """Queue what is submitted, cancel what can still be cancelled. A repeated request changes nothing."""
    if request.action == "submit":
        await _submit(db, request, presence, now, rules)
    elif request.action == "cancel":
        await _cancel(db, request, now)
    else:
        log.warning("request.not_supported", command_id=request.command_id, action=request.action)


def priority_of(command: Command) -> int:
    """What moves the vehicle's outputs, the engine's among them, goes before all else."""
    return SAFETY if isinstance(command, _SAFETY_COMMANDS) else NORMAL


async def _submit(db: AsyncSession, request: CommandRequest, presence: Presence, now: datetime, rules: Rules) -> None:
    """One command, or all steps of a sequence: they are there together or not at all."""
    steps: Sequence[CommandStep | CommandRequest] = request.steps or (request,)
    full = await command_queue.waiting(db, request.device_id) + len(steps) > rules.max_queued
    for number, step in enumerate(steps):
        place = (request.command_id, number) if request.steps else (None, None)
        await _add(db, request, step, place, presence, now, rules, full=full)


async def _add(
    db: AsyncSession,
    request: CommandRequest,
    step: CommandStep | CommandRequest,
    place: tuple[str | None, int | None],
    presence: Presence,
    now: datetime,
    rules: Rules,
    *,
    full: bool,
) -> None:
    name, problem = step.type or "", "too_many_queued" if full else None
    command_class, priority = "actuating", NORMAL
    try:
        built = build_command(name, step.args)
        command_class, priority = built.command_class, priority_of(built)
    except CommandError as error:
        problem = str(error)
    wait = _DEADLINES[command_class] if step.deadline_at is None else step.deadline_at - request.requested_at
    if command_class == "actuating" and wait > rules.actuating_limit and problem is None:
        problem = "deadline_too_long"
    # The wait was meant from the moment of the request, which is past: a clock ahead of ours must not make it longer.
    deadline_at = min(request.requested_at, now) + wait
    session = presence.session_of(request.device_id) if request.queue == "never" else None
    command = await command_queue.add(
        db,
        command_id=step.command_id,
        device_id=request.device_id,
        type=name,
        args=step.args,
        command_class=command_class,
        priority=priority,
        output_bytes=request.output_bytes,
        queue=request.queue,
        bound_session_id=None if session is None else session.session_id,
        sequence_id=place[0],
        step=place[1],
        requested_at=request.requested_at,
        requested_by=request.requested_by,
        deadline_at=deadline_at,
        state="queued",
        revision=1,
        check_at=deadline_at,
        attempt=0,
        tries=0,
        published_attempt=0,
        recalled_attempt=0,
    )
    if command is None:
        return
    changes.put_out(db, command, now, "request")
    if problem is not None:
        changes.give_up(db, command, "rejected", now, cause="request", reason=problem)
    elif deadline_at <= now:
        changes.give_up(db, command, "expired", now, cause="clock", reason="too_late")
    elif request.queue == "never" and session is None:
        changes.give_up(db, command, "expired", now, cause="dispatch", reason="offline")


async def _cancel(db: AsyncSession, request: CommandRequest, now: datetime) -> None:
    """What is queued is not sent any more, and what a listener has is asked back. Once bytes have left, the state says that the wish
    came too late; it is not sent again all the same."""
    command = await command_queue.find(db, request.command_id)
    if command is None or command.check_at is None:
        return
    if command.state == "queued":
        changes.give_up(db, command, "cancelled", now, cause="request", reason=f"cancelled by {request.requested_by}")
    elif command.cancelled_by is None:
        command.cancelled_by = request.requested_by
        if command.state == "dispatched":
            changes.recall(db, command, recall_of(command))
            changes.note(db, command, now, "cancel_requested", cause="request")
        else:
            changes.note(db, command, now, "cancel_too_late", cause="request")
