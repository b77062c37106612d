"""What follows from the end of a command. No clock and no store."""

from datetime import timedelta
from typing import Any, Literal, NamedTuple

from vt600_api.desired.ways import ReadBack

_FIRST_PAUSE_S = 60
_LONGEST_PAUSE_S = 6 * 3600
_UNSUPPORTED = "UNSUPPORT"  # an ASCII unit's word for a command that it does not have (SPEC §4.7)


class Verdict(NamedTuple):
    """How a setting stands now and what is left to do; `paused`: not at once."""

    state: Literal["in_sync", "pending", "refused", "not_supported"]
    work: Literal["set", "read"] | None = None
    reason: str | None = None
    confirmed_by: Literal["answer", "read_back"] | None = None
    reported: Any = None
    paused: bool = False


def after_telling(command_state: str, reason: str | None, *, can_be_asked: bool) -> Verdict:
    """What the end of a command says that told the setting."""
    if command_state == "acknowledged":
        return Verdict("in_sync", "read" if can_be_asked else None, confirmed_by="answer")
    if command_state == "failed":
        return Verdict("not_supported" if (reason or "").upper() == _UNSUPPORTED else "refused", reason=reason)
    return Verdict("pending", "set", reason or command_state, paused=True)


def after_asking(found: ReadBack | None) -> Verdict:
    """What the end of a query says. A device that does not tell leaves its yes as it is."""
    if found is None:
        return Verdict("in_sync", confirmed_by="answer")
    if found.agrees:
        return Verdict("in_sync", confirmed_by="read_back", reported=found.value)
    return Verdict("pending", "set", "read_back_differs", reported=found.value, paused=True)


def pause(attempts: int) -> timedelta:
    """How long to wait after so many commands: twice as long each time, a quarter of a day at most."""
    return timedelta(seconds=min(_FIRST_PAUSE_S * 2 ** min(max(attempts - 1, 0), 20), _LONGEST_PAUSE_S))
