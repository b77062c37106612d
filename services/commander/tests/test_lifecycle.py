"""The table of states."""

from itertools import product

import pytest

from vt600_commander.lifecycle import FINAL, LEGAL, WAITING, IllegalTransition, check


def test_every_step_is_either_in_the_table_or_refused() -> None:
    for before, after in product(LEGAL, LEGAL):
        if after in LEGAL[before]:
            check(before, after)
        else:
            with pytest.raises(IllegalTransition):
                check(before, after)


def test_nothing_follows_a_final_state_but_later_proof() -> None:
    assert {state for state in FINAL if LEGAL[state]} == {"unknown"}
    assert LEGAL["unknown"] == {"acknowledged", "failed", "expired"}


def test_every_waiting_state_can_end() -> None:
    for state in WAITING:
        assert LEGAL[state] & FINAL
