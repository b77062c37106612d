"""The head of a device's queue → a dispatch to the listener that holds its link."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import Downlink, Session
from vt600_commander import changes, command_queue
from vt600_commander.models import QueuedCommand
from vt600_commander.presence import Presence
from vt600_protocol import OUTPUTS, CommandError, build_command, encode_command

FIRST_PACKET_NO, LAST_PACKET_NO = ":", "~"  # SPEC §4.1


async def dispatch(
    db: AsyncSession, device_id: str, presence: Presence, now: datetime, *, dispatch_timeout: timedelta
) -> Downlink | None:
    """Dispatch the device's next command when it has a link. Commands past their deadline, or that do not wait, end here.

    The state is committed before the listener hears of it. A crash in between publishes the same attempt for the same link again,
    and a listener carries an attempt out once. Returns what is to be published after the commit.
    """
    while (command := await command_queue.head(db, device_id)) is not None:
        session = presence.session_of(device_id)
        if command.deadline_at <= now:
            changes.give_up(db, command, "expired", now, reason=command.reason or "no_link_in_time")
        elif command.queue == "never" and (session is None or session.session_id != command.bound_session_id):
            changes.give_up(db, command, "expired", now, reason="offline")
        elif session is None or (command.retry_at is not None and command.retry_at > now):
            return None
        elif await _prepare(db, command, session, now):
            changes.change(db, command, "dispatched", now, check_at=min(now + dispatch_timeout, command.deadline_at))
            return downlink(command)
    return None


def downlink(command: QueuedCommand) -> Downlink:
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
    )


def packet_no_after(last: str | None) -> str:
    """The packet number that follows; they come round after 69 (SPEC §4.5)."""
    return FIRST_PACKET_NO if last is None or last >= LAST_PACKET_NO else chr(ord(last) + 1)


async def _prepare(db: AsyncSession, command: QueuedCommand, session: Session, now: datetime) -> bool:
    """Encode for the link's dialect; False, and rejected, when that dialect cannot say it."""
    packet_no = FIRST_PACKET_NO
    if session.dialect == "ascii":
        packet_no = packet_no_after(await command_queue.last_packet_no(db, command.device_id))
    try:
        encoded = encode_command(
            build_command(command.type, command.args),
            device_id=command.device_id,
            dialect=session.dialect,
            packet_no=packet_no,
            outputs=command.output_bytes or OUTPUTS,
        )
    except CommandError as error:
        changes.give_up(db, command, "rejected", now, reason=str(error))
        return False
    command.attempt += 1
    command.listener_id = session.listener_id
    command.session_id = session.session_id
    command.generation = session.generation
    command.dispatched_at = now
    command.payload = encoded.payload
    command.reply_code = encoded.reply_code
    command.packet_no = encoded.packet_no
    return True
