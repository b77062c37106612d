"""The states of a command and every legal step between them. Nothing else decides what may follow what."""

from vt600_bus.records import CommandState

# Bytes may have left in `dispatched` and `written`; `unknown` says that they may have and that no answer came in time. A query or
# setting that waits for another try is `queued` again: an answer to an earlier try settles it, and without one it ends `unknown`.
# After `unknown` comes what proves more: a late answer, or the listener's word that it wrote nothing.
LEGAL: dict[CommandState, frozenset[CommandState]] = {
    "queued": frozenset(("dispatched", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown")),
    "dispatched": frozenset(
        ("queued", "written", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown")
    ),
    "written": frozenset(("queued", "acknowledged", "failed", "unknown")),
    "unknown": frozenset(("acknowledged", "failed", "expired", "cancelled", "rejected")),
    "acknowledged": frozenset(),
    "failed": frozenset(),
    "expired": frozenset(),
    "cancelled": frozenset(),
    "rejected": frozenset(),
}
WAITING: frozenset[CommandState] = frozenset(("queued", "dispatched", "written"))
UNDERWAY: frozenset[CommandState] = frozenset(("dispatched", "written"))
FINAL: frozenset[CommandState] = frozenset(LEGAL) - WAITING

# What a state claims of the bytes: of the first that not one ever left, of the second that some may have.
NOTHING_LEFT: frozenset[CommandState] = frozenset(("expired", "cancelled", "rejected"))
_MAY_HAVE_LEFT: frozenset[CommandState] = frozenset(("written", "acknowledged", "failed", "unknown"))


class IllegalTransition(Exception):  # noqa: N818
    """A step that the table does not have: a mistake of ours."""


def check(before: CommandState, after: CommandState, *, may_have_left: bool) -> None:
    """IllegalTransition when a command must not go from one state to the other, or the other claims what is not so.

    `may_have_left` is whether bytes of any attempt may have left. Of a dispatch that nobody reported it is not known, so that from
    `dispatched` both kinds of states can be reached.
    """
    if after not in LEGAL[before]:
        raise IllegalTransition(f"a command that is {before} cannot become {after}")
    if may_have_left and after in NOTHING_LEFT:
        raise IllegalTransition(f"a command whose bytes may have left cannot become {after}")
    if not may_have_left and before == "queued" and after in _MAY_HAVE_LEFT:
        raise IllegalTransition(f"a command of which nothing was sent cannot become {after}")
