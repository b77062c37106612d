"""What the clock does to commands: deadlines, answers that did not come, and listeners that stay silent."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander import changes
from vt600_commander.models import QueuedCommand

_BACK_OFF = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long a listener may be silent of a dispatch, how long an answer may take, and how often a command is tried at most."""

    dispatch: timedelta
    reply: timedelta
    tries: int


def expire(db: AsyncSession, command: QueuedCommand, now: datetime, patience: Patience) -> None:
    """Look at a command whose time has come. Only queries and settings are ever sent again."""
    if command.check_at is None or command.check_at > now:
        return
    match command.state:
        case "queued":
            _look_at_queued(db, command, now)
        case "dispatched":
            _look_at_dispatched(db, command, now, patience)
        case "written":
            _look_at_written(db, command, now, patience)


def _look_at_queued(db: AsyncSession, command: QueuedCommand, now: datetime) -> None:
    """Past its deadline it ends; before, the time of its next try has come, and the dispatcher sees to it."""
    if command.deadline_at > now:
        command.check_at = command.deadline_at
    else:
        changes.give_up(db, command, "expired", now, reason=command.reason or "no_link_in_time")


def _look_at_dispatched(db: AsyncSession, command: QueuedCommand, now: datetime, patience: Patience) -> None:
    """No word from the listener. It may have written and died, so an actuating command is never dispatched again."""
    word_at = command.deadline_at + patience.reply  # a report of the last moment may take that long
    if now >= word_at:
        changes.change(db, command, "unknown", now, reason="listener_silent")
    elif command.published_attempt < command.attempt and command.deadline_at > now:
        command.check_at = min(now + patience.dispatch, command.deadline_at)  # the listener cannot know of it yet
    elif command.command_class != "actuating" and command.tries + 1 < patience.tries and command.deadline_at > now:
        command.tries += 1
        changes.queue_again(db, command, now, reason="listener_silent")
    else:
        command.check_at = word_at


def _look_at_written(db: AsyncSession, command: QueuedCommand, now: datetime, patience: Patience) -> None:
    """No answer. Actuating commands are waited for until their deadline, the others are tried again."""
    if command.deadline_at <= now:
        changes.change(db, command, "unknown", now, reason="no_answer")
    elif command.command_class == "actuating":
        command.check_at = command.deadline_at
    elif command.tries < patience.tries:
        changes.queue_again(db, command, now, reason="no_answer", retry_at=now + _BACK_OFF * command.tries)
    else:
        changes.change(db, command, "unknown", now, reason="no_answer")
