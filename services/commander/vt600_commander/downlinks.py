"""A command's row → what its listener is told."""

from msgspec import convert, structs

from vt600_bus.records import Downlink, Interlock
from vt600_commander.models import QueuedCommand


def downlink(command: QueuedCommand, *, open_window: bool) -> Downlink:
    """The dispatch of a command as its row says."""
    assert command.listener_id and command.session_id and command.dispatched_at and command.reply_code  # noqa: S101, PT018
    return Downlink(
        command_id=command.command_id,
        attempt=command.attempt,
        device_id=command.device_id,
        listener_id=command.listener_id,
        session_id=command.session_id,
        generation=command.generation or 0,
        dispatched_at=command.dispatched_at,
        deadline_at=command.deadline_at,
        payload=command.payload or b"",
        reply_code=command.reply_code,
        packet_no=command.packet_no,
        open_window=open_window,
        priority=command.priority,
        interlock=None if command.interlock is None else convert(command.interlock, Interlock),
    )


def recall_of(command: QueuedCommand) -> Downlink:
    """The same dispatch asked back."""
    return structs.replace(downlink(command, open_window=False), action="recall", payload=b"")
