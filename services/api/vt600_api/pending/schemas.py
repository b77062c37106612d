"""Pending devices as HTTP shows them."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vt600_api.devices.schemas import DeviceName

MOST_AT_ONCE = 500


class PendingDevice(BaseModel):
    """A device that reports and that nobody registered: what helps to tell whose it is.

    `imei_candidate` is the identity itself when it has the form of an IMEI, or the fourteen digits of other makers with their check
    digit (SPEC §3.3). `frames` are those that are kept; at `INGEST_PENDING_FRAMES` no more are. `guess` is what speaks like that.
    """

    device_id: str
    dialect: Literal["binary", "ascii"] | None
    first_seen_at: datetime | None
    last_seen_at: datetime | None
    peer: str | None
    frames: int
    latitude: float | None
    longitude: float | None
    fix_time: datetime | None
    imei_candidate: str | None
    guess: str | None


class PendingPage(BaseModel):
    """Pending devices in the order of their identities."""

    items: list[PendingDevice]
    next_cursor: str | None


class ToAdopt(BaseModel):
    """One device to take on, with a name if wanted."""

    model_config = ConfigDict(extra="forbid")

    device_id: Annotated[str, Field(pattern="^[A-Za-z0-9]{1,20}$")]
    name: DeviceName | None = None


class AdoptList(BaseModel):
    """Devices to take on in one call."""

    model_config = ConfigDict(
        extra="forbid", json_schema_extra={"examples": [{"devices": [{"device_id": "143190975469", "name": "bus 7"}]}]}
    )

    devices: Annotated[list[ToAdopt], Field(min_length=1, max_length=MOST_AT_ONCE)]


class Adopted(BaseModel):
    """`adopted` now, `active` already, or `registered` because it had never reported."""

    device_id: str
    result: Literal["adopted", "active", "registered"]


class AdoptResult(BaseModel):
    """What became of each."""

    items: list[Adopted]
