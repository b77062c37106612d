"""Fewer points that keep a track's shape: Visvalingam and Whyatt's way, by the library `simplification`.

It takes away, again and again, the point that spans the smallest triangle with its neighbours. This library tells which points stay,
so that each keeps its time; its work grows little faster than the number of points whatever shape they have (Douglas and Peucker's
way takes the square of it for a zigzag that somebody thought out); and it lets other requests go on meanwhile.
"""

import numpy as np
from numpy.typing import NDArray
from simplification.cutil import simplify_coords_vw_idx

_METRES_PER_DEGREE = 111_195.0
_NOTHING_M2 = 1e-9
_FIRST_M2 = 1.0
_STEP = 4.0
_HALVINGS = 12
_FULL_ENOUGH = 0.95

Indices = NDArray[np.intp]


def indices_to_keep(places: NDArray[np.float64], most: int) -> Indices:
    """Which of the places, rows of latitude and longitude, to keep: the ends, and in all at most `most`, which is 2 or more.

    All, when they are no more than that; else at least half of `most`, unless the others say nothing of the shape.
    """
    if len(places) <= most:
        return np.arange(len(places))
    points = _in_metres(places)
    low, high = _NOTHING_M2, _FIRST_M2
    kept = _without(points, np.arange(len(points)), low)
    if len(kept) <= most:
        return kept
    while len(fewer := _without(points, kept, high)) > most:
        low, high, kept = high, high * _STEP, fewer
    for _ in range(_HALVINGS):
        if len(fewer) >= _FULL_ENOUGH * most:
            break
        middle = (low * high) ** 0.5
        some = _without(points, kept, middle)
        if len(some) > most:
            low = middle
        else:
            high, fewer = middle, some
    if len(fewer) < most // 2:  # triangles of one and the same size: none is more worth than another
        return kept[np.linspace(0, len(kept) - 1, most).astype(np.intp)]
    return fewer


def _without(points: NDArray[np.float64], kept: Indices, area_m2: float) -> Indices:
    return kept[simplify_coords_vw_idx(points[kept], area_m2).astype(np.intp)]


def _in_metres(places: NDArray[np.float64]) -> NDArray[np.float64]:
    """On a plane that touches the middle of the track; the date line is no edge."""
    latitude, longitude = places[:, 0], np.unwrap(places[:, 1], period=360.0)
    middle = np.radians((latitude.min() + latitude.max()) / 2)
    return np.column_stack((longitude * np.cos(middle), latitude)) * _METRES_PER_DEGREE
