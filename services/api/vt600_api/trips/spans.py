"""What is known of a stretch of time, added up report by report. Distances are great circles on a sphere of the mean radius.

The sphere is at most 0.6 % away from the ellipsoid, far less than what the fixes of a drive leave out between them.
"""

from datetime import datetime
from math import asin, cos, radians, sin, sqrt
from typing import Literal, Self

from msgspec import Struct

_EARTH_RADIUS_M = 6_371_008.8
_KMH = 1 / 3.6


class Rules(Struct, frozen=True):
    """What may be set. `detect_by` movement leaves the ignition out."""

    detect_by: Literal["ignition", "movement"] = "ignition"
    moving_kmh: float = 5.0
    stop_min_s: float = 180.0
    trip_min_m: float = 100.0
    trip_min_s: float = 60.0
    gap_s: float = 1800.0
    still_radius_m: float = 30.0
    fastest_kmh: float = 300.0

    def drives(self, moment: "Moment") -> bool | None:
        """Whether the report is one of a vehicle that drives; None when it does not tell."""
        if moment.ignition is not None and self.detect_by == "ignition":
            return moment.ignition
        return None if moment.speed_kmh is None else moment.speed_kmh >= self.moving_kmh


class Place(Struct, frozen=True, array_like=True):
    """A valid fix."""

    latitude: float
    longitude: float
    at: datetime


class Moment(Struct, frozen=True):
    """What a report tells the rules: `place` and `speed_kmh` are those of a valid fix, `driver` a card or a driver's text."""

    device_time: datetime
    frame_id: str
    place: Place | None = None
    speed_kmh: float | None = None
    ignition: bool | None = None
    odometer_m: int | None = None
    driver: str | None = None


class Span(Struct, omit_defaults=True):
    """Reports from `started_at` on, of which `frame_id` was the first; `certain_at` is when that beginning could no longer be undone."""

    started_at: datetime
    frame_id: str
    certain_at: datetime
    last_at: datetime
    reports: int = 0
    start: Place | None = None
    end: Place | None = None
    counted: Place | None = None
    distance_m: float = 0.0
    first_odometer_m: int | None = None
    last_odometer_m: int | None = None
    odometer_went_back: bool = False
    top_speed_kmh: float | None = None
    is_idle: bool = False
    ignition_seen: bool = False
    idle_time_s: float = 0.0
    driver: str | None = None

    @classmethod
    def begin(cls, moment: Moment) -> Self:
        """A stretch that begins with a report, which is still to be added."""
        time = moment.device_time
        return cls(started_at=time, frame_id=moment.frame_id, certain_at=time, last_at=time)

    @property
    def idle_s(self) -> float | None:
        """How long the ignition was on without movement; None when nothing was said of the ignition."""
        return self.idle_time_s if self.ignition_seen else None

    @property
    def odometer_m(self) -> int | None:
        """What the odometer gained; None when it went backwards or is not known."""
        if self.odometer_went_back or self.first_odometer_m is None or self.last_odometer_m is None:
            return None
        return self.last_odometer_m - self.first_odometer_m

    @property
    def reach_m(self) -> float:
        """How far it came by the fixes or by the odometer, whichever is more."""
        return max(self.distance_m, self.odometer_m or 0)

    def add(self, moment: Moment, rules: Rules) -> None:
        """Take the next report in. What a report says holds until the next one."""
        if self.is_idle:
            seconds = (moment.device_time - self.last_at).total_seconds()
            if seconds <= rules.gap_s:
                self.idle_time_s += seconds
        self.last_at = moment.device_time
        self.reports += 1
        self.is_idle = bool(moment.ignition) and moment.speed_kmh is not None and moment.speed_kmh < rules.moving_kmh
        self.ignition_seen = self.ignition_seen or moment.ignition is not None
        if moment.place is not None:
            self._move(moment.place, moment.speed_kmh, rules)
        if moment.odometer_m is not None:
            self._count(moment.odometer_m)
        if moment.driver is not None:
            self.driver = moment.driver

    def _move(self, place: Place, speed_kmh: float | None, rules: Rules) -> None:
        """Fixes of a vehicle that stands wander about: they count only when they leave the radius. Leaps count never."""
        if self.start is None:
            self.start = self.counted = place
        self.end = place
        if speed_kmh is not None and (self.top_speed_kmh is None or speed_kmh > self.top_speed_kmh):
            self.top_speed_kmh = speed_kmh
        counted = self.counted
        if counted is None or counted is place:
            return
        leg_m = distance_m(counted, place)
        seconds = max((place.at - counted.at).total_seconds(), 1.0)
        if leg_m > seconds * rules.fastest_kmh * _KMH:
            self.counted = place
        elif leg_m >= rules.still_radius_m or speed_kmh is None or speed_kmh >= rules.moving_kmh:
            self.distance_m += leg_m
            self.counted = place

    def _count(self, odometer_m: int) -> None:
        if self.first_odometer_m is None:
            self.first_odometer_m = odometer_m
        elif self.last_odometer_m is not None and odometer_m < self.last_odometer_m:
            self.odometer_went_back = True
        self.last_odometer_m = odometer_m


def distance_m(one: Place, other: Place) -> float:
    """Along the great circle, by the haversine formula."""
    latitude, other_latitude = radians(one.latitude), radians(other.latitude)
    across = sin(radians(other.longitude - one.longitude) / 2)
    along = sin((other_latitude - latitude) / 2)
    half_chord = sqrt(along * along + cos(latitude) * cos(other_latitude) * across * across)
    return 2 * _EARTH_RADIUS_M * asin(min(1.0, half_chord))
