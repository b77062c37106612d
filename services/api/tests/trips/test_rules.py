"""What becomes a trip and what a stop."""

from collections.abc import Iterable

import pytest

from vt600_api.trips.rules import Segment
from vt600_api.trips.spans import Moment, Place, Rules, distance_m

from .history import NOON, as_a_whole, moment

RULES = Rules(stop_min_s=180, trip_min_m=100, trip_min_s=60, gap_s=600)


def drive(start: int, end: int, *, ignition: bool | None = True) -> list[Moment]:
    """A report every 30 s, 10 m/s northwards."""
    return [moment(at, north_m=at * 10, kmh=36, ignition=ignition) for at in range(start, end, 30)]


def park(start: int, end: int, *, ignition: bool | None = False, north_m: float | None = None) -> list[Moment]:
    """A report every minute at one place, where a drive would have come."""
    place = start * 10 if north_m is None else north_m
    return [moment(at, north_m=place, kmh=0, ignition=ignition) for at in range(start, end, 60)]


def found(moments: Iterable[Moment], rules: Rules = RULES) -> list[Segment]:
    return as_a_whole(moments, rules)


def spans(moments: Iterable[Moment], rules: Rules = RULES) -> list[tuple[str, int, int | None]]:
    """Kind, beginning and end in seconds behind noon."""
    return [
        (
            segment.kind,
            round((segment.span.started_at - NOON).total_seconds()),
            None if segment.ended_at is None else round((segment.ended_at - NOON).total_seconds()),
        )
        for segment in found(moments, rules)
    ]


def test_a_day_is_stops_and_trips_that_touch() -> None:
    day = [*park(0, 600), *drive(600, 1200), *park(1200, 3000), *drive(3000, 3600)]

    assert spans(day) == [("stop", 0, 600), ("trip", 600, 1200), ("stop", 1200, 3000), ("trip", 3000, None)]


def test_the_ignition_decides_where_it_is_known() -> None:
    assert [kind for kind, *_ in spans(drive(0, 600, ignition=False))] == ["stop"]  # towed
    idle = [moment(at, north_m=at / 2, kmh=0, ignition=True) for at in range(0, 600, 30)]
    assert spans([*idle, *park(600, 1200)]) == [("trip", 0, 600), ("stop", 600, None)]


def test_movement_decides_where_it_is_not() -> None:
    day = [*park(0, 600, ignition=None), *drive(600, 1200, ignition=None), *park(1200, 1800, ignition=None)]

    assert spans(day) == [("stop", 0, 600), ("trip", 600, 1200), ("stop", 1200, None)]


def test_by_movement_the_ignition_counts_for_nothing() -> None:
    rules = Rules(detect_by="movement", stop_min_s=180, trip_min_m=100, trip_min_s=60, gap_s=600)

    assert spans([*park(0, 600, ignition=True), *drive(600, 1200, ignition=False)], rules) == [
        ("stop", 0, 600),
        ("trip", 600, None),
    ]


@pytest.mark.parametrize(("halt_s", "trips"), [(179, 1), (180, 2)])
def test_a_halt_shorter_than_the_minimum_ends_no_trip(halt_s: int, trips: int) -> None:
    halt = [moment(600, north_m=6000, ignition=False), moment(600 + halt_s, north_m=6000, kmh=36, ignition=True)]
    on = [moment(at, north_m=at * 10, kmh=36, ignition=True) for at in range(800, 1400, 30)]

    assert [kind for kind, *_ in spans([*drive(0, 600), *halt, *on])].count("trip") == trips


def test_a_few_metres_or_seconds_are_no_trip() -> None:
    across_the_yard = [moment(at, north_m=at - 600, kmh=6, ignition=True) for at in range(600, 690, 10)]
    too_short = [moment(at, north_m=(at - 600) * 30, kmh=108, ignition=True) for at in range(600, 650, 10)]

    assert spans([*park(0, 600), *across_the_yard, *park(690, 1500, north_m=80)]) == [("stop", 0, None)]
    assert spans([*park(0, 600), *too_short, *park(650, 1500, north_m=1200)]) == [("stop", 0, None)]


def test_silence_ends_a_trip_at_its_last_report_and_no_stop() -> None:
    assert spans([*drive(0, 600), *drive(1200, 1800)]) == [("trip", 0, 570), ("trip", 1200, None)]
    assert spans([*park(0, 600), *park(90_000, 90_600)]) == [("stop", 0, None)]


def test_a_trip_without_fixes_is_known_by_the_odometer() -> None:
    tunnel = [moment(at, north_m=None, ignition=True, odometer_m=at * 10) for at in range(600, 1200, 30)]
    (_stop, trip, _then) = found([*park(0, 600), *tunnel, *park(1200, 1800)])

    assert trip.kind == "trip"
    assert (trip.span.odometer_m, trip.span.distance_m) == (5700, 0.0)


def test_an_odometer_that_goes_back_is_not_known() -> None:
    (trip,) = found([*drive(0, 600), moment(600, kmh=36, ignition=True, north_m=6000, odometer_m=90),
                     moment(630, kmh=36, ignition=True, north_m=6300, odometer_m=20)])  # fmt: skip

    assert trip.span.odometer_m is None


def test_a_trip_has_its_distance_speed_driver_and_ends() -> None:
    way = [*drive(0, 600), moment(600, north_m=6000, kmh=82, ignition=True, driver="card 1")]
    (trip,) = found(way)

    assert trip.span.distance_m == pytest.approx(6000, rel=1e-6)
    assert (trip.span.top_speed_kmh, trip.span.driver, trip.span.reports, trip.span.idle_s) == (82, "card 1", 21, 0.0)
    assert (trip.span.start, trip.span.end) == (way[0].place, way[-1].place)


def test_idling_is_the_ignition_on_without_movement() -> None:
    idle = [moment(at, north_m=6000, kmh=0, ignition=True) for at in range(600, 900, 60)]
    (trip,) = found([*drive(0, 600), *idle, *drive(900, 1200)])
    (parked,) = found(park(0, 600))
    (unknown,) = found(park(0, 600, ignition=None))

    assert trip.span.idle_s == 300
    assert (parked.span.idle_s, unknown.span.idle_s) == (0.0, None)


def test_fixes_of_a_vehicle_that_stands_add_nothing_and_leaps_do_not_count() -> None:
    wander = [moment(600 + number, north_m=6000 + number % 2 * 25, kmh=1, ignition=True) for number in range(100)]
    (trip,) = found([*drive(0, 600), *wander])
    assert trip.span.distance_m == pytest.approx(6000, rel=0.01)

    leap = moment(615, north_m=500_000, kmh=36, ignition=True)
    (trip,) = found([*drive(0, 600), leap, *drive(630, 900)])
    assert trip.span.distance_m == pytest.approx(8100, rel=1e-6)


def test_distances_follow_the_great_circle() -> None:
    berlin, tokyo = Place(52.5200, 13.4050, NOON), Place(35.6762, 139.6503, NOON)

    assert distance_m(berlin, tokyo) == pytest.approx(8_918_000, rel=0.006)
    assert distance_m(Place(0.0, 179.9, NOON), Place(0.0, -179.9, NOON)) == pytest.approx(22_239, rel=0.001)
    assert distance_m(Place(90.0, 0.0, NOON), Place(-90.0, 77.0, NOON)) == pytest.approx(20_015_114, rel=1e-6)
