"""What listeners and devices say → transitions."""

from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import DeliveryReport
from vt600_commander import changes, command_queue
from vt600_commander.models import QueuedCommand
from vt600_commander.presence import Presence

_AGAIN_AFTER = timedelta(seconds=1)
_LINK_IS_GONE = frozenset(("no_such_session", "stale_generation"))


async def take_report(
    db: AsyncSession, report: DeliveryReport, presence: Presence, now: datetime, *, reply_timeout: timedelta
) -> None:
    """Apply one delivery report; one that fits nothing (repeated, of an older attempt, of no command) changes nothing."""
    if report.outcome == "replied":
        await _replied(db, report, now)
        return
    command = None if report.command_id is None else await command_queue.find(db, report.command_id)
    if command is None or command.attempt != report.attempt:
        return
    if report.outcome == "written":
        _written(db, command, report, now, reply_timeout=reply_timeout)
    else:
        _refused(db, command, report, presence, now)


def _written(
    db: AsyncSession, command: QueuedCommand, report: DeliveryReport, now: datetime, *, reply_timeout: timedelta
) -> None:
    """The bytes left. When the silence before has been judged already, the bytes are kept with the judgement."""
    if command.state not in ("dispatched", "queued", "unknown") or command.written_at == report.at:
        return
    command.written = report.payload or command.payload
    command.written_at = report.at
    if command.state == "dispatched":
        command.tries += 1
        changes.change(db, command, "written", now, check_at=now + reply_timeout)
    else:
        command.tries = max(command.tries, 1)
        changes.note(db, command, now, "written_late")


def _refused(
    db: AsyncSession, command: QueuedCommand, report: DeliveryReport, presence: Presence, now: datetime
) -> None:
    """Not one byte of this attempt left: back to the queue, for a new link or a little later, while there is time."""
    reason = report.reason or "refused"
    if reason in _LINK_IS_GONE:
        presence.forget(report.device_id, report.session_id)
    if command.state == "unknown" and command.tries == 0:
        changes.change(db, command, "expired", now, reason=reason)
    elif command.state != "dispatched":
        return
    elif reason == "too_late" or command.deadline_at <= now or command.queue == "never":
        changes.give_up(db, command, "expired", now, reason="offline" if reason in _LINK_IS_GONE else reason)
    else:
        retry_at = None if reason in _LINK_IS_GONE else now + _AGAIN_AFTER
        changes.queue_again(db, command, now, reason=reason, retry_at=retry_at)


async def _replied(db: AsyncSession, report: DeliveryReport, now: datetime) -> None:
    code = report.code or ""
    command = _answered(await command_queue.answerable(db, report.device_id, code, report.packet_no), report)
    if command is None or await command_queue.is_used(db, report.device_id, code, report.at):
        return
    late = "late" if command.state == "unknown" else None
    command.reply = report.payload
    command.reply_text = report.text
    command.replied_at = report.at
    if report.ok is False:
        changes.change(db, command, "failed", now, reason=report.reason or "refused_by_device")
    else:
        changes.change(db, command, "acknowledged", now, reason=late)


def _answered(candidates: Iterable[QueuedCommand], report: DeliveryReport) -> QueuedCommand | None:
    """The one open command of the code; else the one of unknown outcome, when there is only one and it went over this link.

    A listener reports the write before the reply, so what is only dispatched cannot have been answered, unless the packet number
    proves it. Nothing is answered before it was written.
    """
    possible = [command for command in candidates if not _precedes_write(report, command)]
    for command in possible:
        if command.state != "unknown" and (command.tries or command.packet_no is not None):
            return command
    late = [command for command in possible if command.state == "unknown" and command.session_id == report.session_id]
    return late[0] if len(late) == 1 else None


def _precedes_write(report: DeliveryReport, command: QueuedCommand) -> bool:
    """Whether the reply came before the command was written to the same link; both times are that listener's."""
    return command.written_at is not None and command.session_id == report.session_id and report.at < command.written_at
