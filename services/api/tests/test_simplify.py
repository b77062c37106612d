"""Fewer points, the same shape."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from vt600_api.tracks.simplify import indices_to_keep

PLACE = st.tuples(st.floats(-90, 90), st.floats(-180, 180))


def places(*rows: tuple[float, float]) -> NDArray[np.float64]:
    return np.array(rows, dtype=np.float64).reshape(-1, 2)


@given(st.lists(PLACE, max_size=200), st.integers(2, 60))
@settings(deadline=None)
def test_the_ends_stay_the_order_stays_and_there_are_no_more_than_asked_for(
    track: list[tuple[float, float]], most: int
) -> None:
    kept = indices_to_keep(places(*track), most).tolist()

    assert len(kept) <= most
    assert kept == sorted(set(kept))
    assert kept[:1] == ([0] if track else [])
    assert kept[-1:] == ([len(track) - 1] if track else [])


def test_a_short_track_stays_whole() -> None:
    track = places((1, 1), (1, 1), (1, 2), (1, 3))

    assert indices_to_keep(track, 4).tolist() == [0, 1, 2, 3]
    assert indices_to_keep(places(), 2).tolist() == []


def test_corners_stay_and_what_lies_on_straight_lines_goes() -> None:
    there, back = np.linspace(0, 1, 101), np.linspace(1, 0, 101)
    track = places(*[(0.0, x) for x in there], *[(y, 1.0) for y in there[1:]], *[(1.0, x) for x in back[1:]])

    assert indices_to_keep(track, 10).tolist() == [0, 100, 200, 300]


def test_a_tracker_that_stands_still_is_two_points() -> None:
    assert indices_to_keep(places(*[(22.5, 114.0)] * 5000), 100).tolist() == [0, 4999]


@pytest.mark.parametrize("most", [10, 500])
def test_a_great_detour_outlives_the_noise(most: int) -> None:
    random = np.random.default_rng(1)
    track = np.column_stack((random.normal(scale=1e-5, size=20_000), np.linspace(0, 1, 20_000)))
    track[12_345] = (0.5, 0.6)

    kept = indices_to_keep(track, most).tolist()

    assert 12_345 in kept
    assert most // 2 <= len(kept) <= most


@pytest.mark.parametrize("longitudes", [(0.0, 0.2), (179.9, 180.1)])
def test_the_date_line_is_no_detour(longitudes: tuple[float, float]) -> None:
    path = np.linspace(*longitudes, 1001)
    track = np.column_stack((np.where(np.arange(1001) == 300, 0.01, 0.0), (path + 180) % 360 - 180))

    assert indices_to_keep(track, 8).tolist() == [0, 299, 300, 301, 1000]


@pytest.mark.parametrize("shape", ["zigzag", "circle", "spiral"])
def test_a_shape_thought_out_to_be_hard_is_answered_with_points_all_over_it(shape: str) -> None:
    step = np.arange(20_000)
    radius, turn = {
        "zigzag": (0.1 * (-1.0) ** step, step * 1e-3),
        "circle": (np.ones(len(step)), step * 2 * np.pi / len(step)),
        "spiral": (1 / (step + 1.0), step * 1.0),
    }[shape]
    track = (
        np.column_stack((radius, turn))
        if shape == "zigzag"
        else np.column_stack((radius * np.cos(turn), radius * np.sin(turn)))
    )
    kept = indices_to_keep(track, 500)

    assert 250 <= len(kept) <= 500
    if shape != "spiral":
        assert np.diff(kept).max() < 1000
