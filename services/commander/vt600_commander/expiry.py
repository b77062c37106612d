"""What the clock does to commands: deadlines, answers that did not come, and listeners that stay silent."""

from datetime import datetime

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander import changes
from vt600_commander.models import QueuedCommand
from vt600_commander.rules import Rules


def expire(db: AsyncSession, command: QueuedCommand, now: datetime, rules: Rules) -> None:
    """Look at a command whose time has come. Only queries and settings are ever sent again."""
    if command.check_at is None or command.check_at > now:
        return
    match command.state:
        case "queued":
            _look_at_queued(db, command, now)
        case "dispatched":
            _look_at_dispatched(db, command, now, rules)
        case "written":
            _look_at_written(db, command, now, rules)


def _look_at_queued(db: AsyncSession, command: QueuedCommand, now: datetime) -> None:
    """Past its deadline it ends; before, the time of its next try has come, and the dispatcher sees to it."""
    if command.confirm_by is not None and command.confirm_by <= now:
        changes.give_up(db, command, "rejected", now, cause="clock", reason="not_confirmed")
    elif command.deadline_at > now:
        command.check_at = command.deadline_at
    else:
        changes.give_up(
            db, command, "expired", now, cause="clock", reason=(command.attempt and command.reason) or "no_link_in_time"
        )


def _look_at_dispatched(db: AsyncSession, command: QueuedCommand, now: datetime, rules: Rules) -> None:
    """No word from the listener. It may have written and died, so an actuating command is never dispatched again."""
    word_at = command.deadline_at + rules.reply  # a report of the last moment may take that long
    if now >= word_at:
        changes.change(db, command, "unknown", now, cause="clock", reason="listener_silent")
    elif command.published_attempt < command.attempt and command.deadline_at > now:
        command.check_at = min(now + rules.dispatch, command.deadline_at)  # the listener cannot know of it yet
    elif _may_be_tried_again(command, command.tries + 1, now, rules) and not _is_held(command):
        command.tries += 1
        changes.queue_again(db, command, now, cause="clock", reason="listener_silent")
    else:
        command.check_at = word_at


def _look_at_written(db: AsyncSession, command: QueuedCommand, now: datetime, rules: Rules) -> None:
    """No answer. Actuating commands are waited for until their deadline, the others are tried again."""
    if command.command_class == "actuating" and command.deadline_at > now:
        command.check_at = command.deadline_at
    elif _may_be_tried_again(command, command.tries, now, rules):
        retry_at = now + rules.back_off * command.tries
        changes.queue_again(db, command, now, cause="clock", reason="no_answer", retry_at=retry_at)
    else:
        changes.change(db, command, "unknown", now, cause="clock", reason="no_answer")


def _may_be_tried_again(command: QueuedCommand, tries: int, now: datetime, rules: Rules) -> bool:
    return (
        command.command_class != "actuating"
        and command.cancelled_by is None
        and tries < rules.tries
        and command.deadline_at > now
    )


def _is_held(command: QueuedCommand) -> bool:
    """Whether its listener has said that it waits for the device, and was not asked to stop."""
    return command.held_at is not None and command.recalled_attempt < command.attempt
