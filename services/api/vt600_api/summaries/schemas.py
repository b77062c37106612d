"""Hours and days as HTTP shows them."""

from datetime import datetime
from typing import Any

from pydantic import BaseModel, ConfigDict

from vt600_api.tracks.schemas import Place

_SUMMARY: dict[str, Any] = {
    "device_id": "1401234567",
    "start": "2026-05-04T00:00:00Z",
    "end": "2026-05-05T00:00:00Z",
    "distance_m": 84120.4,
    "moving_s": 6300.0,
    "idle_s": 540.0,
    "ignition_s": 7020.0,
    "top_speed_kmh": 82.4,
    "mean_speed_kmh": 46.1,
    "reports": 612,
    "alarms": 2,
    "first": {"time": "2026-05-04T00:04:10Z", "latitude": 22.547, "longitude": 114.06},
    "last": {"time": "2026-05-04T23:58:40Z", "latitude": 22.611, "longitude": 114.127},
}


class Summary(BaseModel):
    """An hour or a day of a device, from `start` on and before `end`, by the device's clock.

    What a report says holds until the next one, when that comes within half an hour; longer gaps count for nothing. `moving_s`: the
    speed is that of a vehicle that moves; `idle_s`: the ignition is on and it does not move. `distance_m` is the sum of great circles
    between valid fixes, without the wandering of a vehicle that stands and without leaps. `mean_speed_kmh` is that of the moving time.
    `first` and `last` are valid fixes. Null is what no report told.
    """

    device_id: str
    start: datetime
    end: datetime
    distance_m: float | None
    moving_s: float | None
    idle_s: float | None
    ignition_s: float | None
    top_speed_kmh: float | None
    mean_speed_kmh: float | None
    reports: int
    alarms: int
    first: Place | None
    last: Place | None


class SummaryPage(BaseModel):
    """Hours or days by their beginnings; those without a report are left out."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_SUMMARY], "next_cursor": None}]})

    items: list[Summary]
    next_cursor: str | None
