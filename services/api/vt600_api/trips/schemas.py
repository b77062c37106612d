"""Trips and stops as HTTP shows them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

_TRIP: dict[str, Any] = {
    "device_id": "1401234567",
    "started_at": "2026-05-04T07:58:10Z",
    "ended_at": "2026-05-04T08:31:40Z",
    "open": False,
    "last_report_at": "2026-05-04T08:31:40Z",
    "duration_s": 2010.0,
    "start": {"latitude": 22.547, "longitude": 114.06},
    "end": {"latitude": 22.611, "longitude": 114.127},
    "distance_m": 11842.6,
    "odometer_m": 11910,
    "top_speed_kmh": 82.4,
    "idle_s": 240.0,
    "driver": "600764",
    "reports": 68,
}
_STOP: dict[str, Any] = {
    "device_id": "1401234567",
    "started_at": "2026-05-04T08:31:40Z",
    "ended_at": None,
    "open": True,
    "last_report_at": "2026-05-04T09:01:40Z",
    "duration_s": 1800.0,
    "place": {"latitude": 22.611, "longitude": 114.127},
    "idle_s": 0.0,
    "driver": None,
    "reports": 4,
}


class KnownPlace(BaseModel):
    """Where a valid fix was."""

    latitude: float
    longitude: float


class Trip(BaseModel):
    """From the first report that drives to the first one that stays parked, by the device's clock.

    An open trip goes on: `ended_at` is null, and all else is as of `last_report_at`. `start` and `end` are its first and last valid
    fix. `distance_m` is the sum of great circles between valid fixes, `odometer_m` what the odometer gained, null when it went
    backwards. `idle_s`: ignition on without movement. `driver`: the card swiped last, or the driver's text.
    """

    device_id: str
    started_at: datetime
    ended_at: datetime | None
    open: bool
    last_report_at: datetime
    duration_s: float
    start: KnownPlace | None
    end: KnownPlace | None
    distance_m: float | None
    odometer_m: int | None
    top_speed_kmh: float | None
    idle_s: float | None
    driver: str | None
    reports: int


class TripPage(BaseModel):
    """Trips by their beginnings."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_TRIP], "next_cursor": None}]})

    items: list[Trip]
    next_cursor: str | None


class Stop(BaseModel):
    """From one trip to the next, by the device's clock; `place` is its first valid fix, everything else as in a trip."""

    device_id: str
    started_at: datetime
    ended_at: datetime | None
    open: bool
    last_report_at: datetime
    duration_s: float
    place: KnownPlace | None
    idle_s: float | None
    driver: str | None
    reports: int


class StopPage(BaseModel):
    """Stops by their beginnings."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_STOP], "next_cursor": None}]})

    items: list[Stop]
    next_cursor: str | None
