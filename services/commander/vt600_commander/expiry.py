"""What the clock does to commands: deadlines, answers that did not come, and listeners that stay silent."""

from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander import changes
from vt600_commander.models import QueuedCommand

_BACK_OFF = timedelta(seconds=5)


def expire(db: AsyncSession, command: QueuedCommand, now: datetime, *, attempts: int, reply_timeout: timedelta) -> None:
    """Look at a command whose time has come. Only queries and settings are ever sent again."""
    if command.check_at is None or command.check_at > now:
        return
    if command.state == "queued":
        _expire_queued(db, command, now)
    elif command.state == "dispatched" and command.deadline_at + reply_timeout > now:
        _wait_for_listener(db, command, now, attempts=attempts, reply_timeout=reply_timeout)
    elif _may_try_again(command, now, attempts):
        again = min(now + _BACK_OFF * command.attempt, command.deadline_at)
        changes.change(db, command, "queued", now, check_at=again, reason="no_answer")
    elif command.state == "written" and command.command_class == "actuating" and command.deadline_at > now:
        command.check_at = command.deadline_at
    else:
        changes.change(db, command, "unknown", now, reason="no_answer")


def _expire_queued(db: AsyncSession, command: QueuedCommand, now: datetime) -> None:
    """A command that waits for its next try goes on waiting; past the deadline, what was written before decides."""
    if command.deadline_at > now:
        command.check_at = command.deadline_at
    elif command.written is not None:
        # A try before this one may have reached the device, so nobody can say that nothing happened.
        changes.change(db, command, "unknown", now, reason="no_answer")
    else:
        changes.change(db, command, "expired", now, reason=command.reason or "no_link_in_time")


def _wait_for_listener(
    db: AsyncSession, command: QueuedCommand, now: datetime, *, attempts: int, reply_timeout: timedelta
) -> None:
    """No word from the listener. It may have written and died, so an actuating command is never dispatched again."""
    if _may_try_again(command, now, attempts):
        changes.change(db, command, "queued", now, check_at=now, reason="listener_silent")
    else:
        command.check_at = command.deadline_at + reply_timeout


def _may_try_again(command: QueuedCommand, now: datetime, attempts: int) -> bool:
    return command.command_class != "actuating" and command.attempt < attempts and command.deadline_at > now
