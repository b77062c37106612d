"""Questions for areas, and their answers, as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field
from pydantic.config import JsonDict, JsonValue

from vt600_api.positions.parameters import Time

_Degrees = Annotated[float, Field(allow_inf_nan=False)]
_Corner = Annotated[list[_Degrees], Field(min_length=2, max_length=3, description="Longitude, latitude.")]
_RING: JsonValue = [[114.05, 22.54], [114.07, 22.54], [114.07, 22.56], [114.05, 22.56], [114.05, 22.54]]
_VISIT: JsonDict = {
    "device_id": "1401234567",
    "first_time": "2026-05-04T12:00:00Z",
    "last_time": "2026-05-04T12:04:30Z",
    "reports": 10,
}


class Polygon(BaseModel):
    """A GeoJSON polygon: an outer ring and any holes, each closed. Edges are straight in degrees; none crosses the date line."""

    model_config = ConfigDict(extra="ignore")

    type: Literal["Polygon"]
    coordinates: Annotated[list[list[_Corner]], Field(min_length=1)]


class AreaToSearch(BaseModel):
    """An area and a span of time; of all devices, or of those named."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "polygon": {"type": "Polygon", "coordinates": [_RING]},
                    "from": "2026-05-04T00:00:00Z",
                    "to": "2026-05-05T00:00:00Z",
                }
            ]
        },
    )

    polygon: Polygon
    since: Annotated[Time, Field(alias="from")]
    until: Annotated[Time, Field(alias="to")]
    devices: Annotated[
        list[Annotated[str, Field(pattern="^[A-Za-z0-9]{1,20}$")]] | None, Field(min_length=1, max_length=1000)
    ] = None


class Visit(BaseModel):
    """A device's valid fixes inside, on the edge included: when the first and the last were, and how many. It may have left in between."""

    device_id: str
    first_time: datetime
    last_time: datetime
    reports: int


class Visits(BaseModel):
    """Devices that were inside, in the order of their identities."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [_VISIT]}]})

    items: list[Visit]
