"""Which command a device's reply answers, and how sure that is (docs/decisions/0014)."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import DeliveryReport
from vt600_commander import attempts, changes, command_queue
from vt600_commander.models import Attempt, QueuedCommand

Tried = tuple[Attempt, QueuedCommand]

_IN_DOUBT = timedelta(minutes=10)  # for so long an unanswered write makes the next one's answer doubtful


async def take_reply(db: AsyncSession, report: DeliveryReport, now: datetime) -> None:
    """Settle what the reply answers. One that fits nothing, or that was read before, changes nothing."""
    tried = [
        (attempt, command)
        for attempt in await attempts.of_reply(db, report, now)
        if (command := await command_queue.find(db, attempt.command_id)) is not None
    ]
    if any(attempt.replied_at == report.at for attempt, _command in tried):
        return
    waiting = [(attempt, command) for attempt, command in tried if attempt.replied_at is None]
    if report.packet_no is not None:
        _take_numbered(db, report, tried[-1:], now)
        return
    written = [each for each in waiting if _was_written(*each) and not _precedes_write(report, each[0])]
    opened = [command for _attempt, command in written if command.check_at is not None]
    if opened:
        _take_open(db, report, opened[-1], written, now)
    elif written:
        _take_late(db, report, written, now)
    else:
        _keep_early(report, waiting)


def settle(db: AsyncSession, command: QueuedCommand, attempt: Attempt, now: datetime) -> None:
    """The attempt was answered: so is its command."""
    late = command.state == "unknown"
    command.tries = max(command.tries, 1)
    command.written = command.written or attempt.payload
    command.reply = attempt.reply
    command.reply_text = attempt.reply_text
    command.replied_at = attempt.replied_at
    if attempt.reply_ok is False:
        changes.change(db, command, "failed", now, cause="device", reason=attempt.reply_reason or "refused_by_device")
        return
    reason = "late" if late else None
    if attempt.reply_certain is False:
        reason = "not_provable"
    changes.change(db, command, "acknowledged", now, cause="device", reason=reason)


def _take_numbered(db: AsyncSession, report: DeliveryReport, newest: Sequence[Tried], now: datetime) -> None:
    """The packet number proves which attempt is answered, over whatever link; numbers come round, so only the newest counts."""
    for attempt, command in newest:
        if attempt.replied_at is None and not _precedes_write(report, attempt):
            _keep(report, attempt)
            if command.check_at is not None or command.state == "unknown":
                settle(db, command, attempt, now)


def _take_open(
    db: AsyncSession, report: DeliveryReport, command: QueuedCommand, written: Sequence[Tried], now: datetime
) -> None:
    """There is one open command of a code. Other bytes under the same code, unanswered on this link, make the reply doubtful: devices
    answer in order, so it is counted as the answer to the older ones, and settles nobody."""
    own = [attempt for attempt, other in written if other is command]
    rivals = [
        attempt
        for attempt, other in written
        if other is not command and attempt.payload != own[-1].payload and _may_be_meant(report, attempt)
    ]
    if rivals:
        _keep(report, rivals[0])
        changes.note(db, command, now, "answer_in_doubt", cause="device")
        return
    _keep(report, own[0])
    settle(db, command, own[0], now)


def _take_late(db: AsyncSession, report: DeliveryReport, written: Sequence[Tried], now: datetime) -> None:
    """An answer to a command of unknown outcome, when it went over this link and no other can be meant."""
    meant = [
        (attempt, command)
        for attempt, command in written
        if attempt.session_id == report.session_id and (command.state == "unknown" or _may_be_meant(report, attempt))
    ]
    if len({command.command_id for _attempt, command in meant}) != 1:
        return
    attempt, command = meant[0]
    _keep(report, attempt)
    if command.state == "unknown":
        settle(db, command, attempt, now)


def _keep_early(report: DeliveryReport, waiting: Sequence[Tried]) -> None:
    """The listener wrote before the device could answer, but its word of that has not been read: the reply waits for it."""
    for attempt, command in waiting:
        if command.state == "dispatched" and attempt.written_at is None and attempt.session_id == report.session_id:
            _keep(report, attempt)
            return


def _was_written(attempt: Attempt, command: QueuedCommand) -> bool:
    """Whether its bytes left, or its listener was silent for so long that they must be taken to have."""
    return attempt.written_at is not None or attempt.attempt < command.attempt or command.state in ("queued", "unknown")


def _precedes_write(report: DeliveryReport, attempt: Attempt) -> bool:
    """Whether the reply came before the attempt was written to the same link; both times are that listener's."""
    return attempt.written_at is not None and attempt.session_id == report.session_id and report.at < attempt.written_at


def _may_be_meant(report: DeliveryReport, attempt: Attempt) -> bool:
    return (
        attempt.session_id == report.session_id
        and report.at - (attempt.written_at or attempt.dispatched_at) < _IN_DOUBT
    )


def _keep(report: DeliveryReport, attempt: Attempt) -> None:
    attempt.replied_at = report.at
    attempt.reply = report.payload
    attempt.reply_text = report.text
    attempt.reply_ok = report.ok
    attempt.reply_reason = report.reason
    attempt.reply_certain = report.certain
