"""Requests → queue, once per command id."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandRequest, CommandStep, Interlock
from vt600_commander import changes, command_queue
from vt600_commander.downlinks import recall_of
from vt600_commander.models import QueuedCommand
from vt600_commander.presence import Presence
from vt600_commander.rules import Rules
from vt600_protocol import (
    Command,
    CommandError,
    SetImmobiliser,
    SetOutput,
    SetOutputs,
    build_command,
    engine_cut,
    with_own_interlock,
)
from vt600_protocol.commands.vehicle import RunOutputPattern

SAFETY, NORMAL = 0, 1

_DEADLINES = {"actuating": timedelta(seconds=60), "setting": timedelta(hours=24), "query": timedelta(hours=24)}
_SAFETY_COMMANDS = (SetImmobiliser, SetOutput, SetOutputs, RunOutputPattern)


async def take_request(
    db: AsyncSession, request: CommandRequest, presence: Presence, now: datetime, rules: Rules
) -> None:
    """Queue what is submitted, cancel what can still be cancelled. A repeated request changes nothing."""
    if request.action == "submit":
        await _submit(db, request, presence, now, rules)
    elif request.action == "cancel":
        await _cancel(db, request, now)
    else:
        await _confirm(db, request, now)


def priority_of(command: Command) -> int:
    """What moves the vehicle's outputs, the engine's among them, goes before all else."""
    return SAFETY if isinstance(command, _SAFETY_COMMANDS) else NORMAL


async def _submit(db: AsyncSession, request: CommandRequest, presence: Presence, now: datetime, rules: Rules) -> None:
    """One command, or all steps of a sequence: they are there together or not at all."""
    steps: Sequence[CommandStep | CommandRequest] = request.steps or (request,)
    full = not await command_queue.has_room(db, request.device_id, len(steps), rules.max_queued)
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
    args, interlock = step.args, None
    try:
        built = build_command(name, args)
        command_class, priority = built.command_class, priority_of(built)
        if step.override_reason is None and engine_cut(built) != "no":
            args, interlock = _interlocked(built, step)
    except CommandError as error:
        problem = str(error)
    wait = _DEADLINES[command_class] if step.deadline_at is None else step.deadline_at - request.requested_at
    if command_class == "actuating" and wait > rules.actuating_limit and problem is None:
        problem = "deadline_too_long"
    # The wait was meant from the moment of the request, which is past: a clock ahead of ours must not make it longer.
    deadline_at = min(request.requested_at, now) + wait
    session = presence.session_of(request.device_id) if request.queue == "never" else None
    command = QueuedCommand(
        command_id=step.command_id,
        device_id=request.device_id,
        type=name,
        args=args,
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
        interlock=interlock,
        confirm_by=step.confirm_by,
        state="queued",
        reason=_remark(step),
        revision=1,
        check_at=deadline_at if step.confirm_by is None else min(step.confirm_by, deadline_at),
        attempt=0,
        tries=0,
        published_attempt=0,
        recalled_attempt=0,
        traceparent=changes.trace_of(db),
    )
    if not await command_queue.add(db, command):
        return
    changes.put_out(db, command, now, "request")
    if problem is not None:
        changes.give_up(db, command, "rejected", now, cause="request", reason=problem)
    elif deadline_at <= now:
        changes.give_up(db, command, "expired", now, cause="clock", reason="too_late")
    elif request.queue == "never" and session is None:
        changes.give_up(db, command, "expired", now, cause="dispatch", reason="offline")


def _interlocked(command: Command, step: CommandStep | CommandRequest) -> tuple[dict[str, Any], dict[str, float]]:
    """Arguments and interlock of what cuts an engine; CommandError when it would cut while nobody looks."""
    if engine_cut(command) == "later":
        raise CommandError("interlock_not_possible", argument="type")
    guarded = with_own_interlock(command)
    args = (
        step.args if guarded is command else {**step.args, "safe_speed_kmh": getattr(guarded, "safe_speed_kmh", None)}
    )
    interlock = step.interlock or Interlock()
    return args, structs.asdict(interlock)


def _remark(step: CommandStep | CommandRequest) -> str | None:
    """What the audit says of a command from its beginning on."""
    if step.override_reason is not None:
        return f"interlock overridden: {step.override_reason}"
    return None if step.confirm_by is None else "needs_confirmation"


async def _confirm(db: AsyncSession, request: CommandRequest, now: datetime) -> None:
    """The second word that it waited for; in time, or it changes nothing."""
    command = await command_queue.find(db, request.command_id)
    if command is None or command.state != "queued" or command.confirm_by is None or command.confirm_by <= now:
        return
    command.confirm_by = None
    command.check_at = command.deadline_at
    changes.note(db, command, now, f"confirmed by {request.requested_by}", cause="request")


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
