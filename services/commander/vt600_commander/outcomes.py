"""What listeners and devices say → transitions."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import DeliveryReport
from vt600_commander import changes, command_queue
from vt600_commander.models import QueuedCommand
from vt600_commander.presence import Presence

_AGAIN_AFTER = timedelta(seconds=1)


async def take_report(
    db: AsyncSession, report: DeliveryReport, presence: Presence, now: datetime, *, reply_timeout: timedelta
) -> None:
    """Apply one delivery report; one that fits nothing (repeated, of an older attempt, of no command) changes nothing."""
    if report.outcome == "replied":
        await _replied(db, report, now)
        return
    command = None if report.command_id is None else await command_queue.find(db, report.command_id)
    if command is None or command.attempt != report.attempt or command.state != "dispatched":
        return
    if report.outcome == "written":
        command.written = report.payload or command.payload
        command.written_at = report.at
        changes.change(db, command, "written", now, check_at=now + reply_timeout)
    else:
        _refused(db, command, report, presence, now)


def _refused(
    db: AsyncSession, command: QueuedCommand, report: DeliveryReport, presence: Presence, now: datetime
) -> None:
    """Not one byte left: back to the queue, for a new link or a little later, while there is time."""
    reason = report.reason or "refused"
    if reason in ("no_such_session", "stale_generation"):
        presence.forget(report.device_id, report.session_id)
    if reason == "too_late" or command.deadline_at <= now:
        changes.change(db, command, "expired", now, reason=reason)
    elif command.queue == "never":
        changes.change(db, command, "expired", now, reason="offline")
    else:
        again = min(now + _AGAIN_AFTER, command.deadline_at)
        changes.change(db, command, "queued", now, check_at=again, reason=reason)


async def _replied(db: AsyncSession, report: DeliveryReport, now: datetime) -> None:
    command = await command_queue.awaiting_reply(db, report.device_id, report.code or "", report.packet_no)
    if command is None:
        return
    late = "late" if command.state == "unknown" else None
    command.reply = report.payload
    command.reply_text = report.text
    if report.ok is False:
        changes.change(db, command, "failed", now, reason=report.reason or "refused_by_device")
    else:
        changes.change(db, command, "acknowledged", now, reason=late)
