"""Where a virtual vehicle drives: street-like legs with turns, stops and plausible speeds, the same for the same seed."""

import math
import random
from dataclasses import dataclass

_CITIES = (
    (52.5200, 13.4050),
    (40.4168, -3.7038),
    (13.7563, 100.5018),
    (-37.8136, 144.9631),
    (22.5431, 114.0579),
    (-1.2864, 36.8172),
)
_METRES_PER_DEGREE = 111_320.0
_RADIUS_M = 15_000.0
_SPEEDS_KMH = (20.0, 30.0, 50.0, 50.0, 70.0)
_STOP_SHARE = 0.15


@dataclass(frozen=True, slots=True)
class Place:
    """One moment of the drive."""

    latitude: float
    longitude: float
    speed_kmh: float
    course_deg: float
    altitude_m: float
    ignition: bool


class Route:
    """An endless drive around one city."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - a route, not a secret
        self._centre = _CITIES[seed % len(_CITIES)]
        self._latitude = self._centre[0] + self._random.uniform(-0.05, 0.05)
        self._longitude = self._centre[1] + self._random.uniform(-0.05, 0.05)
        self._course_deg = self._random.choice((0.0, 90.0, 180.0, 270.0))
        self._altitude_m = self._random.uniform(20, 400)
        self._speed_kmh = 0.0
        self._target_kmh = 0.0
        self._leg_s = 0.0
        self.odometer_m = self._random.uniform(1_000, 900_000)

    def advance(self, seconds: float) -> Place:
        """Drive on for some seconds."""
        self._leg_s -= seconds
        if self._leg_s <= 0:
            self._next_leg()
        step = 2.5 * 3.6 * seconds  # brakes and engine change the speed by about 2.5 m/s²
        change = max(-step, min(step, self._target_kmh - self._speed_kmh))
        self._speed_kmh = max(0.0, self._speed_kmh + change)
        metres = self._speed_kmh / 3.6 * seconds
        radians = math.radians(self._course_deg)
        self._latitude += metres * math.cos(radians) / _METRES_PER_DEGREE
        self._longitude += metres * math.sin(radians) / (_METRES_PER_DEGREE * math.cos(math.radians(self._latitude)))
        self.odometer_m += metres
        return Place(
            latitude=round(self._latitude, 6),
            longitude=round(self._longitude, 6),
            speed_kmh=round(self._speed_kmh, 1),
            course_deg=round(self._course_deg, 1),
            altitude_m=round(self._altitude_m),
            ignition=self._target_kmh > 0 or self._speed_kmh > 0,
        )

    def _next_leg(self) -> None:
        """Turn at the corner, or stop for a while; turn back towards the centre at the edge of the city."""
        self._leg_s = self._random.uniform(10, 90)
        if self._random.random() < _STOP_SHARE:
            self._target_kmh = 0.0
            return
        self._target_kmh = self._random.choice(_SPEEDS_KMH) * self._random.uniform(0.85, 1.05)
        self._course_deg = (self._course_deg + self._random.choice((-90, 0, 90)) + self._random.uniform(-8, 8)) % 360
        self._altitude_m = max(0.0, self._altitude_m + self._random.uniform(-4, 4))
        north = (self._centre[0] - self._latitude) * _METRES_PER_DEGREE
        east = (self._centre[1] - self._longitude) * _METRES_PER_DEGREE * math.cos(math.radians(self._latitude))
        if math.hypot(north, east) > _RADIUS_M:
            self._course_deg = math.degrees(math.atan2(east, north)) % 360
