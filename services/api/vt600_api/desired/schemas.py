"""Desired settings as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

SettingState = Literal["in_sync", "pending", "refused", "not_supported"]

_NO_COMMA = "^[\\x20-\\x2b\\x2d-\\x7e]*$"


class ServerSetting(BaseModel):
    """Where the device connects to."""

    model_config = ConfigDict(extra="forbid")

    transport: Literal["tcp", "udp"]
    host: Annotated[str, Field(min_length=1, max_length=32, pattern="^[A-Za-z0-9.:_-]+$")]
    port: Annotated[int, Field(ge=1, le=65_535)]


class ApnSetting(BaseModel):
    """The mobile network's access point."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(max_length=32, pattern=_NO_COMMA)]
    user: Annotated[str, Field(max_length=32, pattern=_NO_COMMA)] = ""
    password: Annotated[str, Field(max_length=32, pattern=_NO_COMMA)] = ""


Seconds = Annotated[int | None, Field(ge=0, le=65_535)]
Minutes = Annotated[int | None, Field(ge=0, le=65_535)]
Threshold = Annotated[int | None, Field(ge=0, le=65_535)]
SpeedKmh = Annotated[int | None, Field(ge=0, le=255)]


class DesiredSettings(BaseModel):
    """All that the device shall have; what is left out or null is left as the device has it.

    A setting for which the device's dialect has no command, or not with this value, becomes `not_supported`.
    """

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"report_interval_s": 60, "speed_limit_kmh": 120}]}
    )

    report_interval_s: Annotated[int | None, Field(ge=0, le=655_350, description="0 stops reports.")] = None
    ignition_off_interval_s: Seconds = None
    stopped_interval_s: Seconds = None
    report_distance_m: Annotated[int | None, Field(ge=0, le=65_535, description="0 is off.")] = None
    report_heading_deg: Annotated[int | None, Field(ge=0, le=359, description="0 is off.")] = None
    heartbeat_min: Minutes = None
    log_interval_s: Seconds = None
    confirmed_upload: bool | None = None
    upload_order: Literal["live_first", "oldest_first"] | None = None
    speed_limit_kmh: SpeedKmh = None
    low_speed_kmh: SpeedKmh = None
    idling_min: Minutes = None
    harsh_acceleration_mg: Threshold = None
    harsh_braking_mg: Threshold = None
    vibration_sensitivity: Annotated[
        int | None, Field(ge=1, le=255, description="How small a shake counts; small is sensitive.")
    ] = None
    movement_alarm_m: Annotated[int | None, Field(ge=0, le=0xFFFF_FFFF)] = None
    antenna_alarm: bool | None = None
    power_down_min: Annotated[int | None, Field(ge=0, le=99)] = None
    server: ServerSetting | None = None
    apn: ApnSetting | None = None


class SettingView(BaseModel):
    """A setting as it stands.

    `in_sync`: the device said yes (`confirmed_by` is `answer`), or it was asked and said this value (`read_back`). `pending`: it waits
    for the device (`reason` `offline`, `dialect_unknown`), for its command, or for the next try; the reason is why the last one failed.
    `refused`: the device said no, in its own words; the same value is not sent again unless it is asked for again. `reported` is what
    the device said when it was asked. `attempts` are the commands since the value was changed, the last one being `command_id`.
    """

    model_config = ConfigDict(from_attributes=True)

    setting: str
    value: Any
    state: SettingState
    reason: str | None
    since: datetime
    confirmed_by: Literal["answer", "read_back"] | None
    confirmed_at: datetime | None
    reported: Any | None
    changed_at: datetime
    changed_by: str
    attempts: int
    command_id: str | None


class SettingsView(BaseModel):
    """What a device shall have, in the order of the names."""

    device_id: str
    items: list[SettingView]
