"""Rows of the projection → what HTTP shows."""

from collections.abc import Sequence
from typing import Literal

from vt600_api.commands.models import Command, CommandTransition
from vt600_api.commands.schemas import CommandView, SequenceView, TransitionView

ENDED_WELL = "acknowledged"
WAITING = frozenset(("queued", "dispatched", "written"))


def command_view(command: Command) -> CommandView:
    """One command."""
    return CommandView(
        command_id=command.command_id,
        revision=command.revision,
        device_id=command.device_id,
        type=command.type,
        args=command.args,
        state=command.state,
        at=command.at,
        requested_at=command.requested_at,
        requested_by=command.requested_by,
        deadline_at=command.deadline_at,
        attempt=command.attempt,
        reason=command.reason,
        listener_id=command.listener_id,
        session_id=command.session_id,
        written_hex=_hex(command.written),
        reply_hex=_hex(command.reply),
        reply_text=command.reply_text,
        sequence_id=command.sequence_id,
        step=command.step,
    )


def transition_view(change: CommandTransition) -> TransitionView:
    """One change of a command."""
    return TransitionView(
        revision=change.revision,
        state=change.state,
        at=change.at,
        attempt=change.attempt,
        reason=change.reason,
        listener_id=change.listener_id,
        session_id=change.session_id,
        cause=change.cause,
        written_hex=_hex(change.written),
        reply_hex=_hex(change.reply),
    )


def sequence_view(commands: Sequence[Command]) -> SequenceView:
    """One sequence, from its commands in their order."""
    first = commands[0]
    assert first.sequence_id is not None  # noqa: S101 - it was asked for by it
    return SequenceView(
        sequence_id=first.sequence_id,
        device_id=first.device_id,
        state=_state(commands),
        requested_at=first.requested_at,
        requested_by=first.requested_by,
        commands=[command_view(command) for command in commands],
    )


def _state(commands: Sequence[Command]) -> Literal["running", "acknowledged", "stopped"]:
    if any(command.state != ENDED_WELL and command.state not in WAITING for command in commands):
        return "stopped"
    return "running" if any(command.state in WAITING for command in commands) else "acknowledged"


def _hex(data: bytes | None) -> str | None:
    return None if data is None else data.hex()
