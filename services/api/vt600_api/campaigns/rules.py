"""When a campaign may send how much, and when it has to stop. No clock and no store."""

from collections.abc import Mapping
from datetime import datetime, time, timedelta
from typing import NamedTuple

MINUTE = timedelta(minutes=1)
WAITING = frozenset(("queued", "dispatched", "written"))

_FAILED = frozenset(("failed", "expired", "rejected", "unknown"))
_BURST_S = 10.0  # however long nothing was sent, no more than what belongs to so many seconds is made up for


class Hours(NamedTuple):
    """The hours of a day (UTC) in which commands may be sent. An end before the beginning is one of the next day."""

    since: time
    until: time


class Progress(NamedTuple):
    """How many devices wait for their turn or were refused, and how many commands there are in each state."""

    waiting: int
    refused: int
    commands: Mapping[str, int]

    @property
    def open(self) -> int:
        """Commands that have not ended."""
        return sum(count for state, count in self.commands.items() if state in WAITING)


def closes_at(hours: Hours | None, now: datetime) -> datetime | None:
    """When the hours end in which `now` is: `datetime.max` without hours, None outside of them."""
    if hours is None:
        return datetime.max.replace(tzinfo=now.tzinfo)
    for day in (now.date() - timedelta(days=1), now.date()):
        since = datetime.combine(day, hours.since, now.tzinfo)
        until = datetime.combine(day, hours.until, now.tzinfo)
        if until <= since:
            until += timedelta(days=1)
        if since <= now < until:
            return until
    return None


def allowance(per_minute: int, sent_last_minute: int, last_sent_at: datetime | None, now: datetime) -> int:
    """How many may be sent now, so that in no minute there are more than `per_minute`, and they come evenly."""
    longest_s = max(_BURST_S, 60 / per_minute)
    elapsed_s = longest_s if last_sent_at is None else min((now - last_sent_at).total_seconds(), longest_s)
    return max(0, min(int(elapsed_s * per_minute / 60), per_minute - sent_last_minute))


def failed_share(commands: Mapping[str, int], min_ended: int) -> float:
    """The share of commands that ended without the device's yes; 0 while fewer than `min_ended` have ended. Those that somebody took
    back do not count."""
    failed = sum(count for state, count in commands.items() if state in _FAILED)
    ended = failed + commands.get("acknowledged", 0)
    return failed / ended if ended >= max(min_ended, 1) else 0.0
