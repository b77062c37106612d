"""The table of states, pair by pair."""

from itertools import product

import pytest

from vt600_bus.records import CommandState
from vt600_commander.lifecycle import FINAL, LEGAL, NOTHING_LEFT, WAITING, IllegalTransition, check

STATES: tuple[CommandState, ...] = (
    "queued",
    "dispatched",
    "written",
    "acknowledged",
    "failed",
    "expired",
    "cancelled",
    "rejected",
    "unknown",
)

# Rows: from; columns: to, in the order above. `x` always, `-` never, `0` only when not one byte can have left, `1` only when some may have.
TABLE = {
    "queued": "- x - 1 1 0 0 0 1",
    "dispatched": "x - x x x 0 0 0 x",
    "written": "x - - x x - - - x",
    "acknowledged": "- - - - - - - - -",
    "failed": "- - - - - - - - -",
    "expired": "- - - - - - - - -",
    "cancelled": "- - - - - - - - -",
    "rejected": "- - - - - - - - -",
    "unknown": "- - - x x 0 0 0 -",
}
PAIRS = list(product(STATES, STATES, (False, True)))


@pytest.mark.parametrize(("before", "after", "may_have_left"), PAIRS)
def test_a_step_is_taken_only_if_the_table_has_it(
    before: CommandState, after: CommandState, *, may_have_left: bool
) -> None:
    mark = TABLE[before].split()[STATES.index(after)]
    if mark == "x" or mark == str(int(may_have_left)):
        check(before, after, may_have_left=may_have_left)
    else:
        with pytest.raises(IllegalTransition):
            check(before, after, may_have_left=may_have_left)


def test_what_may_have_left_is_never_called_expired_cancelled_or_rejected() -> None:
    for before, after in product(STATES, NOTHING_LEFT):
        with pytest.raises(IllegalTransition):
            check(before, after, may_have_left=True)


def test_nothing_follows_a_final_state_but_later_proof() -> None:
    assert set(LEGAL) == set(STATES)
    assert {state for state in FINAL if LEGAL[state]} == {"unknown"}


def test_every_waiting_state_can_end() -> None:
    for state in WAITING:
        assert LEGAL[state] & FINAL
