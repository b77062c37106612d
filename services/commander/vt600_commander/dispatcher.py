"""The heads of devices' queues → dispatches to the listener that holds its link."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import Downlink, Session
from vt600_commander import attempts, changes, command_queue
from vt600_commander.command_queue import Head
from vt600_commander.downlinks import downlink, recall_of
from vt600_commander.models import QueuedCommand
from vt600_commander.presence import Presence
from vt600_commander.rules import Rules
from vt600_protocol import OUTPUTS, CommandError, EncodedCommand, build_command, encode_command

FIRST_PACKET_NO, LAST_PACKET_NO = ":", "~"  # SPEC §4.1


async def dispatch(
    db: AsyncSession, device_ids: Sequence[str], presence: Presence, now: datetime, rules: Rules
) -> list[Downlink]:
    """Dispatch the next command of each device that has a link. Commands past their deadline, or that do not wait, end here.

    The state is committed before the listener hears of it. A crash in between publishes the same attempt for the same link again,
    and a listener carries an attempt out once. Returns what is to be published after the commit.
    """
    sent: list[Downlink] = []
    asked = device_ids
    while asked:
        heads = await command_queue.heads(db, asked)
        asked = [head.device_id for head in heads if await _ends_or_goes(db, head, presence, now, rules, sent)]
    return sent


async def _ends_or_goes(
    db: AsyncSession, head: Head, presence: Presence, now: datetime, rules: Rules, sent: list[Downlink]
) -> bool:
    """Whether the head of the queue ended, so that the next one is to be looked at. One that goes is added to `sent`."""
    session = presence.session_of(head.device_id)
    opened, command = head.opened, head.command
    _recall_from_other_links(db, opened, session, now, rules)
    if command is None:
        return False
    if await _has_ended(db, command, session, now):
        return True
    if session is None or (command.retry_at is not None and command.retry_at > now):
        return False
    if not _may_go(opened, command, now, rules):
        return False
    encoded = _encode(db, command, session, head.last_packet_no, now)
    if encoded is None:
        return True
    if any(other.reply_code == encoded.reply_code for other in opened):
        return False  # its reply could not be told from theirs
    _address(command, session, encoded, now)
    check_at = min(now + rules.dispatch, command.deadline_at)
    changes.change(db, command, "dispatched", now, cause="dispatch", check_at=check_at)
    attempts.keep(db, command)
    sent.append(downlink(command, open_window=rules.open_window))
    return False


def packet_no_after(last: str | None) -> str:
    """The packet number that follows; they come round after 69 (SPEC §4.5)."""
    return FIRST_PACKET_NO if last is None or last >= LAST_PACKET_NO else chr(ord(last) + 1)


async def _has_ended(db: AsyncSession, command: QueuedCommand, session: Session | None, now: datetime) -> bool:
    """End what may not be sent any more, whatever link there is."""
    if command.sequence_id is not None and command.step:
        before = await command_queue.state_of_step(db, command.sequence_id, command.step - 1)
        if before != "acknowledged":
            changes.give_up(db, command, "cancelled", now, cause="sequence", reason="sequence_stopped")
            return True
    if command.deadline_at <= now:
        changes.give_up(
            db, command, "expired", now, cause="clock", reason=(command.attempt and command.reason) or "no_link_in_time"
        )
    elif command.queue == "never" and (session is None or session.session_id != command.bound_session_id):
        changes.give_up(db, command, "expired", now, cause="dispatch", reason="offline")
    else:
        return False
    return True


def _may_go(opened: Sequence[QueuedCommand], command: QueuedCommand, now: datetime, rules: Rules) -> bool:
    """One command at a time, as a device obeys (SPEC §3.10); a safety command does not wait for long for one that is silent."""
    if not opened:
        return True
    if any(other.priority <= command.priority for other in opened):
        return False
    free_at = max(_overtaken_at(other, now, rules) for other in opened)
    if free_at <= now:
        return True
    command.check_at = min(free_at, command.deadline_at)
    return False


def _overtaken_at(other: QueuedCommand, now: datetime, rules: Rules) -> datetime:
    """When a command under way has been silent for so long that a safety command goes past it."""
    if other.state == "written":
        return (other.written_at or now) + rules.overtake
    if other.held_at is not None:
        return now
    return (other.dispatched_at or now) + rules.dispatch


def _recall_from_other_links(
    db: AsyncSession, opened: Sequence[QueuedCommand], session: Session | None, now: datetime, rules: Rules
) -> None:
    """What waits for a sign of life on a link that the device has left will not see one."""
    for command in opened:
        moved = session is not None and session.session_id != command.session_id
        if moved and command.held_at is not None and command.recalled_attempt < command.attempt:
            changes.recall(db, command, recall_of(command))
            command.check_at = min(now + rules.dispatch, command.deadline_at)


def _encode(
    db: AsyncSession, command: QueuedCommand, session: Session, last_packet_no: str | None, now: datetime
) -> EncodedCommand | None:
    """Encode for the link's dialect; None, and rejected, when that dialect cannot say it."""
    packet_no = packet_no_after(last_packet_no) if session.dialect == "ascii" else FIRST_PACKET_NO
    try:
        return encode_command(
            build_command(command.type, command.args),
            device_id=command.device_id,
            dialect=session.dialect,
            packet_no=packet_no,
            outputs=command.output_bytes or OUTPUTS,
        )
    except CommandError as error:
        changes.give_up(db, command, "rejected", now, cause="dispatch", reason=str(error))
        return None


def _address(command: QueuedCommand, session: Session, encoded: EncodedCommand, now: datetime) -> None:
    """Give the command its next attempt, over this link."""
    command.attempt += 1
    command.listener_id = session.listener_id
    command.session_id = session.session_id
    command.generation = session.generation
    command.dispatched_at = now
    command.held_at = None
    command.payload = encoded.payload
    command.reply_code = encoded.reply_code
    command.packet_no = encoded.packet_no
