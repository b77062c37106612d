"""What listeners say of dispatches → transitions."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import CommandState, DeliveryReport
from vt600_commander import attempts, changes, command_queue
from vt600_commander.models import Attempt, QueuedCommand
from vt600_commander.presence import Presence
from vt600_commander.replies import settle, take_reply

_AGAIN_AFTER = timedelta(seconds=1)
_LINK_IS_GONE = frozenset(("no_such_session", "stale_generation", "link_closed"))
_NEXT_LINK = _LINK_IS_GONE | {"recalled"}


async def take_report(
    db: AsyncSession, report: DeliveryReport, presence: Presence, now: datetime, *, reply_timeout: timedelta
) -> None:
    """Apply one delivery report; one that fits nothing (repeated, of no command) changes nothing."""
    if report.outcome == "replied":
        await take_reply(db, report, now)
        return
    if report.command_id is None or report.attempt is None:
        return
    command = await command_queue.find(db, report.command_id)
    attempt = await attempts.find(db, report.command_id, report.attempt)
    if command is None or attempt is None:
        return
    if report.outcome == "written":
        _written(db, command, attempt, report, now, reply_timeout=reply_timeout)
    elif command.attempt != report.attempt:
        return
    elif report.outcome == "held":
        _held(db, command, report, now)
    else:
        _refused(db, command, attempt, report, presence, now)


def _written(
    db: AsyncSession,
    command: QueuedCommand,
    attempt: Attempt,
    report: DeliveryReport,
    now: datetime,
    *,
    reply_timeout: timedelta,
) -> None:
    """The bytes left. When the silence before has been judged already, the bytes are kept with the judgement."""
    if attempt.written_at is not None or attempt.refused is not None:
        return
    attempt.written_at = report.at
    if command.written is None or command.attempt == attempt.attempt:
        command.written = report.payload or attempt.payload
        command.written_at = report.at
    if command.attempt == attempt.attempt and command.state == "dispatched":
        command.tries += 1
        reason = "cancel_too_late" if command.cancelled_by else None
        changes.change(db, command, "written", now, cause="listener", check_at=now + reply_timeout, reason=reason)
    elif command.check_at is not None or command.state == "unknown":
        command.tries = max(command.tries, 1)
        changes.note(db, command, now, "written_late", cause="listener")
    _apply_early_reply(db, command, attempt, now)


def _apply_early_reply(db: AsyncSession, command: QueuedCommand, attempt: Attempt, now: datetime) -> None:
    """The answer may have been read before the word of the write; one from before the write itself was no answer to it."""
    if attempt.replied_at is None or attempt.written_at is None:
        return
    if attempt.replied_at < attempt.written_at:
        attempt.replied_at = None
    elif command.check_at is not None or command.state == "unknown":
        settle(db, command, attempt, now)


def _held(db: AsyncSession, command: QueuedCommand, report: DeliveryReport, now: datetime) -> None:
    """The listener waits for the device's next sign of life, until the deadline."""
    if command.state != "dispatched" or command.held_at is not None:
        return
    command.held_at = report.at
    command.check_at = command.deadline_at
    changes.note(db, command, now, "waits_for_uplink", cause="listener")


def _refused(
    db: AsyncSession,
    command: QueuedCommand,
    attempt: Attempt,
    report: DeliveryReport,
    presence: Presence,
    now: datetime,
) -> None:
    """Not one byte of this attempt left: back to the queue, for a new link or a little later, while there is time."""
    reason = report.reason or "refused"
    if reason in _LINK_IS_GONE:
        presence.forget(report.device_id, report.session_id)
    if attempt.written_at is not None or command.state not in ("dispatched", "unknown"):
        return
    attempt.refused = reason
    if command.state == "unknown":
        if command.tries == 0:
            ended: CommandState = "expired" if command.cancelled_by is None else "cancelled"
            if reason.startswith("interlock"):
                ended = "rejected"
            changes.change(db, command, ended, now, cause="listener", reason=reason)
    elif command.cancelled_by is not None:
        changes.give_up(db, command, "cancelled", now, cause="listener", reason=f"cancelled by {command.cancelled_by}")
    elif reason.startswith("interlock"):
        changes.give_up(db, command, "rejected", now, cause="listener", reason=reason)
    elif reason == "too_late" or command.deadline_at <= now or command.queue == "never":
        said = "offline" if reason in _NEXT_LINK else reason
        changes.give_up(db, command, "expired", now, cause="listener", reason=said)
    else:
        retry_at = None if reason in _NEXT_LINK else now + _AGAIN_AFTER
        changes.queue_again(db, command, now, cause="listener", reason=reason, retry_at=retry_at)
