"""Positions as HTTP shows them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

POSITION_EXAMPLE: dict[str, Any] = {
    "device_id": "1401234567",
    "device_time": "2026-05-04T12:00:00Z",
    "frame_id": "9d5ed678fe57bcca610140957afab571",
    "received_at": "2026-05-04T12:00:01.250000Z",
    "dialect": "binary",
    "kind": "position",
    "event": None,
    "event_code": None,
    "event_data": None,
    "fix_valid": True,
    "latitude": 22.547123,
    "longitude": 114.060412,
    "speed_kmh": 42.6,
    "course_deg": 87.0,
    "altitude_m": 35.0,
    "hdop": 0.9,
    "satellites": 11,
    "odometer_m": 8421300,
    "mcc": 460,
    "mnc": 0,
    "lac": 9520,
    "cell_id": 3671,
    "csq": 24,
    "inputs": 1,
    "outputs": 0,
    "status": None,
    "external_power": True,
    "external_v": 12.6,
    "battery_v": 4.1,
    "analog_raw": [],
    "stored": False,
    "ignition": True,
    "late": False,
    "flags": [],
    "extras": None,
}


class Position(BaseModel):
    """A report: place, telemetry, alarm. Absent is null, never zero. `inputs` and `outputs` are bit masks, bit 0 = number 1."""

    device_id: str
    device_time: datetime
    frame_id: str
    received_at: datetime
    dialect: Literal["binary", "ascii"]
    kind: Literal["position", "alarm"]
    event: str | None
    event_code: int | None
    event_data: str | None
    fix_valid: bool
    latitude: float | None
    longitude: float | None
    speed_kmh: float | None
    course_deg: float | None
    altitude_m: float | None
    hdop: float | None
    satellites: int | None
    odometer_m: int | None
    mcc: int | None
    mnc: int | None
    lac: int | None
    cell_id: int | None
    csq: int | None
    inputs: int | None
    outputs: int | None
    status: int | None
    external_power: bool | None
    external_v: float | None
    battery_v: float | None
    analog_raw: list[int]
    stored: bool | None
    ignition: bool | None
    late: bool
    flags: list[str]
    extras: dict[str, Any] | None


class LatestPosition(Position):
    """The newest report; what the GPS measures is of the newest valid fix, taken at `fix_time`."""

    name: str | None
    state: Literal["pending", "active"]
    fix_time: datetime | None


class PositionPage(BaseModel):
    """Part of a track, in the order of the device's clock."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [POSITION_EXAMPLE], "next_cursor": None}]})

    items: list[Position]
    next_cursor: str | None


class ChosenFieldsPage(BaseModel):
    """Part of a track with only the fields that were asked for, each as in a position."""

    model_config = ConfigDict(
        json_schema_extra={"examples": [{"items": [{"latitude": 22.547123, "speed_kmh": 42.6}], "next_cursor": None}]}
    )

    items: list[dict[str, Any]]
    next_cursor: str | None


class LatestPositions(BaseModel):
    """The newest report of each device."""

    items: list[LatestPosition]


class FrameView(BaseModel):
    """A frame as it arrived."""

    device_id: str
    received_at: datetime
    frame_id: str
    dialect: Literal["binary", "ascii"]
    transport: Literal["tcp", "udp"]
    peer: str
    listener_id: str
    session_id: str
    generation: int
    kind: str
    code: str
    packet_no: str | None
    decoder: str
    raw: str
    details: dict[str, Any] | None


class FramePage(BaseModel):
    """Frames in the order of their arrival; `raw` is hex."""

    items: list[FrameView]
    next_cursor: str | None
