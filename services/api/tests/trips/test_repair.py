"""However reports arrive, they end in the same trips and stops."""

from typing import Literal

from hypothesis import given, settings
from hypothesis import strategies as st

from vt600_api.trips.spans import Moment, Rules

from .history import History, as_a_whole, moment

RULES = Rules(stop_min_s=180, trip_min_m=100, trip_min_s=60, gap_s=600)
STEPS = st.sampled_from([0, 0, 20, 30, 60, 60, 60, 90, 120, 179, 180, 181, 300, 599, 600, 601, 900])
MODES = st.sampled_from(["drive", "drive", "drive", "park", "park", "park", "idle", "blind", "unknown", "tow"])


@st.composite
def tracks(draw: st.DrawFn) -> list[Moment]:
    """Reports of a vehicle that drives, stands and is silent by turns, some of them in the same second."""
    seconds, north, odometer, found = 0.0, 0.0, 1000, []
    for number in range(draw(st.integers(0, 40))):
        step = draw(STEPS)
        mode = draw(MODES)
        seconds += step
        moved = step * 10 if mode in {"drive", "tow", "blind"} else draw(st.integers(0, 40))
        north += moved
        odometer += draw(st.sampled_from([moved, moved, 0, -5]))
        found.append(
            moment(
                seconds,
                north_m=None if mode in {"blind", "unknown"} else north,
                kmh=36.0 if mode in {"drive", "tow"} else draw(st.sampled_from([0.0, 3.0])),
                ignition={"unknown": None, "tow": None, "park": draw(st.sampled_from([False, None]))}.get(
                    mode, mode != "park"
                ),
                odometer_m=draw(st.sampled_from([None, odometer, odometer])),
                driver=draw(st.sampled_from([None, None, None, f"card {number}"])),
                frame=draw(st.integers(0, 3)) * 100 + number,
            )
        )
    return found


@settings(max_examples=400, deadline=None)
@given(data=st.data(), track=tracks(), by=st.sampled_from(["ignition", "movement"]))
def test_any_order_and_any_batches_of_the_same_reports_end_in_the_same_trips(
    data: st.DataObject, track: list[Moment], by: Literal["ignition", "movement"]
) -> None:
    rules = Rules(detect_by=by, stop_min_s=180, trip_min_m=100, trip_min_s=60, gap_s=600)
    history, left = History(rules), data.draw(st.permutations(track))
    while left:
        size = data.draw(st.integers(1, 12))
        history.change(add=left[:size])
        left = left[size:]
        assert history.segments() == as_a_whole(history.moments, rules)


@settings(max_examples=400, deadline=None)
@given(data=st.data(), track=tracks())
def test_reports_that_are_put_right_leave_what_they_would_have_made(data: st.DataObject, track: list[Moment]) -> None:
    history = History(RULES)
    if track:
        history.change(add=track)
    for _ in range(data.draw(st.integers(1, 4))):
        if not history.moments:
            return
        remove = data.draw(
            st.lists(st.sampled_from(sorted(history.moments, key=repr)), min_size=1, max_size=5, unique=True)
        )
        add = data.draw(st.lists(st.sampled_from(track), max_size=3, unique=True))
        history.change(remove=remove, add=[each for each in add if each not in remove])
        assert history.segments() == as_a_whole(history.moments, RULES)
