"""Buckets, shapes and gaps of tracks as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict

Lonlat = Annotated[list[float], Field(min_length=2, max_length=2, description="Longitude, latitude.")]

_BUCKET: JsonDict = {
    "start": "2026-05-04T12:00:00Z",
    "end": "2026-05-04T12:05:00Z",
    "reports": 10,
    "first": {"time": "2026-05-04T12:00:00Z", "latitude": 22.547, "longitude": 114.06},
    "last": {"time": "2026-05-04T12:04:30Z", "latitude": 22.551, "longitude": 114.071},
    "top_speed_kmh": 61.2,
    "mean_speed_kmh": 38.4,
    "distance_m": 2870,
    "ignition_share": 1.0,
}
_TRACK: JsonDict = {
    "type": "Feature",
    "geometry": {"type": "LineString", "coordinates": [[114.06, 22.547], [114.071, 22.551]]},
    "properties": {
        "device_id": "1401234567",
        "places": 2880,
        "times": ["2026-05-04T12:00:00Z", "2026-05-04T12:04:30Z"],
    },
}
_GAP: JsonDict = {
    "start": "2026-05-04T12:00:00Z",
    "end": "2026-05-04T12:41:00Z",
    "seconds": 2460.0,
    "ignition": True,
    "interval_s": 30.0,
}


class Place(BaseModel):
    """Where the device was at a time of its clock."""

    time: datetime
    latitude: float
    longitude: float


class Bucket(BaseModel):
    """The reports from `start` on and before `end`.

    Places and speeds are those of valid fixes. `distance_m` is what the odometer gained, also since the last report before the bucket
    in the span. `ignition_share` is the share of the reports with the ignition on in those that tell of it.
    """

    start: datetime
    end: datetime
    reports: int
    first: Place | None
    last: Place | None
    top_speed_kmh: float | None
    mean_speed_kmh: float | None
    distance_m: int | None
    ignition_share: float | None


class Buckets(BaseModel):
    """Buckets that hold a report, in the order of time."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_BUCKET]}]})

    items: list[Bucket]


class Line(BaseModel):
    """A GeoJSON line."""

    type: Literal["LineString"]
    coordinates: Annotated[list[Lonlat], Field(min_length=2)]


class Spot(BaseModel):
    """A GeoJSON point."""

    type: Literal["Point"]
    coordinates: Lonlat


class TrackProperties(BaseModel):
    """`places`: valid fixes that the span holds. `times`: one for each point of the geometry."""

    device_id: str
    places: int
    times: list[datetime]


class Track(BaseModel):
    """A GeoJSON feature: a line, a point when the span holds a single place, no geometry when it holds none."""

    model_config = ConfigDict(json_schema_extra={"examples": [_TRACK]})

    type: Literal["Feature"]
    geometry: Line | Spot | None
    properties: TrackProperties


class Gap(BaseModel):
    """Reports should have come behind the one at `start` and did not before `end`; `end` is null while none has come.

    `ignition` is that of the report at `start`. `interval_s` is the usual time between reports in that state.
    """

    start: datetime
    end: datetime | None
    seconds: float
    ignition: bool | None
    interval_s: float | None


class Gaps(BaseModel):
    """Gaps in the order of time; when there are more than an answer holds, `is_complete` is false and the latest are missing."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_GAP], "is_complete": True}]})

    items: list[Gap]
    is_complete: bool
