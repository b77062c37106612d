"""Campaigns as HTTP shows them."""

from datetime import datetime, time
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from vt600_api.commands.schemas import CommandState
from vt600_api.devices.schemas import DeviceState

CampaignState = Literal["running", "paused", "finished", "cancelled", "aborted"]


class CampaignCommand(BaseModel):
    """What each device shall do. Raw bytes name one device, and an interlock is overridden for one vehicle: neither is for many."""

    model_config = ConfigDict(extra="forbid")

    type: Annotated[str, Field(max_length=50)]
    args: dict[str, Any] = {}
    deadline_s: Annotated[float | None, Field(gt=0)] = None
    queue: Literal["until_deadline", "never"] = "until_deadline"


class DeviceFilter(BaseModel):
    """Devices as `GET /v1/devices` finds them."""

    model_config = ConfigDict(extra="forbid")

    state: DeviceState | None = "active"
    group: Annotated[str | None, Field(max_length=100, pattern="^[^\\x00]*$")] = None
    q: Annotated[
        str | None, Field(max_length=100, pattern="^[^\\x00]*$", description="Part of the identity or the name.")
    ] = None


class HoursOfDay(BaseModel):
    """Hours (UTC) in which commands may reach devices. An end before the beginning is one of the next day."""

    model_config = ConfigDict(extra="forbid")

    since: time
    until: time

    @model_validator(mode="after")
    def _is_a_part_of_the_day(self) -> Self:
        if self.since.tzinfo is not None or self.until.tzinfo is not None:
            raise ValueError("hours are UTC and have no offset")
        if self.since == self.until:
            raise ValueError("since and until must not be the same")
        return self


class NewCampaign(BaseModel):
    """A command, its devices (a list, or those that a filter finds now), and how it goes on.

    No more than `per_minute` commands are sent in a minute, and none while `max_open` have not ended. Once `min_ended` have ended, the
    campaign is aborted when the share of those that did not end `acknowledged` is above `max_failed_share`.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {
                    "command": {"type": "set_interval", "args": {"interval_s": 60}},
                    "filter": {"q": "van"},
                    "per_minute": 30,
                    "hours": {"since": "20:00", "until": "05:00"},
                }
            ]
        },
    )

    command: CampaignCommand
    device_ids: Annotated[
        list[Annotated[str, Field(pattern="^[A-Za-z0-9]{1,20}$")]] | None, Field(min_length=1, max_length=2000)
    ] = None
    filter: DeviceFilter | None = None
    per_minute: Annotated[int, Field(ge=1, le=10_000)] = 60
    max_open: Annotated[int, Field(ge=1, le=10_000)] = 100
    hours: HoursOfDay | None = None
    max_failed_share: Annotated[float, Field(ge=0, le=1)] = 0.2
    min_ended: Annotated[int, Field(ge=1, le=10_000)] = 20

    @model_validator(mode="after")
    def _says_which_devices(self) -> Self:
        if (self.device_ids is None) == (self.filter is None):
            raise ValueError("either device_ids or filter is needed")
        return self


class CampaignSummary(BaseModel):
    """A campaign as it stands. `reason` is why it was aborted."""

    campaign_id: str
    state: CampaignState
    reason: str | None
    requested_at: datetime
    requested_by: str
    changed_at: datetime
    command: CampaignCommand
    per_minute: int
    max_open: int
    hours: HoursOfDay | None
    max_failed_share: float
    min_ended: int


class CampaignView(CampaignSummary):
    """A campaign with its devices counted: those that wait for their turn, those that were refused, and the commands by their states."""

    devices: int
    waiting: int
    refused: int
    commands: dict[CommandState, int]


class CampaignPage(BaseModel):
    """Campaigns, the newest first."""

    items: list[CampaignSummary]
    next_cursor: str | None


class CampaignDeviceView(BaseModel):
    """A device's part in a campaign. `waiting` has not had its turn, `refused` did not get the command and says why; else it is the
    state of its command."""

    device_id: str
    state: Literal["waiting", "refused"] | CommandState
    reason: str | None
    command_id: str | None


class CampaignDevicePage(BaseModel):
    """Devices in the order of their identities."""

    items: list[CampaignDeviceView]
    next_cursor: str | None
