"""The states of a command and every legal step between them. Nothing else decides what may follow what."""

from vt600_bus.records import CommandState

# Bytes may have left in `dispatched` and `written`; `unknown` says that they may have and that no answer came in time. A query or
# setting that waits for another try is `queued` again: an answer to an earlier try settles it, and without one it ends `unknown`.
# After `unknown` comes what proves more: a late answer, or the listener's word that it wrote nothing.
LEGAL: dict[CommandState, frozenset[CommandState]] = {
    "queued": frozenset(("dispatched", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown")),
    "dispatched": frozenset(("queued", "written", "acknowledged", "failed", "expired", "unknown")),
    "written": frozenset(("queued", "acknowledged", "failed", "unknown")),
    "unknown": frozenset(("acknowledged", "failed", "expired")),
    "acknowledged": frozenset(),
    "failed": frozenset(),
    "expired": frozenset(),
    "cancelled": frozenset(),
    "rejected": frozenset(),
}
WAITING: frozenset[CommandState] = frozenset(("queued", "dispatched", "written"))
UNDERWAY: frozenset[CommandState] = frozenset(("dispatched", "written"))
FINAL: frozenset[CommandState] = frozenset(LEGAL) - WAITING


class IllegalTransition(Exception):  # noqa: N818
    """A step that the table does not have: a mistake of ours."""


def check(before: CommandState, after: CommandState) -> None:
    """IllegalTransition when a command must not go from one state to the other."""
    if after not in LEGAL[before]:
        raise IllegalTransition(f"a command that is {before} cannot become {after}")
