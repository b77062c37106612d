"""Devices as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from vt600_api.devices.settings import DeviceSettings
from vt600_api.links.schemas import LinkView

DeviceState = Literal["pending", "active"]
DeviceName = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100, pattern="^[^\\x00]*$"),  # PostgreSQL: no NUL
]


class DeviceView(BaseModel):
    """A tracker. `pending`: it reports, and nobody registered it."""

    model_config = ConfigDict(from_attributes=True)

    device_id: str
    name: str | None
    group: str | None
    state: DeviceState
    dialect: Literal["binary", "ascii"] | None
    imei: str | None
    created_at: datetime
    adopted_at: datetime | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    settings: DeviceSettings
    link: LinkView = LinkView(state="offline")


class DevicePage(BaseModel):
    """Devices in the order of their identities."""

    items: list[DeviceView]
    next_cursor: str | None


class NewDevice(BaseModel):
    """A device to register before it reports."""

    model_config = ConfigDict(extra="forbid")

    device_id: Annotated[str, Field(pattern="^[A-Za-z0-9]{1,20}$")]
    name: DeviceName | None = None
    group: DeviceName | None = None


class DeviceChange(BaseModel):
    """What can be changed of a device: its name, its group, and any of its settings. What is not given stays as it is."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"settings": {"ignition_input": 2}}]})

    name: DeviceName | None = None
    group: DeviceName | None = None
    settings: dict[str, Any] = {}

    @model_validator(mode="after")
    def _changes_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError("give a name, a group or settings")
        return self


class Adoption(BaseModel):
    """A pending device is taken on, with a name if wanted."""

    model_config = ConfigDict(extra="forbid")

    name: DeviceName | None = None
