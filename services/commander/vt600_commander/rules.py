"""How patient the commander is, and what it lets a device's queue hold."""

from dataclasses import dataclass
from datetime import timedelta

from vt600_commander.settings import CommanderSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """How long a listener may be silent of a dispatch (`dispatch`), how long an answer may take (`reply`), how often a command is
    tried at most and after which pause (`tries`, `back_off`, which grows), how long a silent command may be in the way of a safety
    command (`overtake`), whether commands wait for an open window, how many may wait, and how long actuating ones may."""

    dispatch: timedelta
    reply: timedelta
    tries: int
    back_off: timedelta
    overtake: timedelta
    open_window: bool
    max_queued: int
    actuating_limit: timedelta


def rules_of(settings: CommanderSettings) -> Rules:
    """The rules that the settings name."""
    return Rules(
        dispatch=timedelta(seconds=settings.dispatch_timeout_s),
        reply=timedelta(seconds=settings.reply_timeout_s),
        tries=settings.attempts,
        back_off=timedelta(seconds=settings.back_off_s),
        overtake=timedelta(seconds=settings.overtake_after_s),
        open_window=settings.open_window,
        max_queued=settings.max_queued,
        actuating_limit=timedelta(seconds=settings.actuating_limit_s),
    )
