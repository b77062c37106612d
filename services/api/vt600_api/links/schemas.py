"""Links as HTTP shows them."""

from datetime import datetime
from typing import Literal

from pydantic import BaseModel, ConfigDict

LinkState = Literal["online", "quiet", "offline"]


class LinkView(BaseModel):
    """Whether a device can be reached. `quiet`: its link is open and nothing has come over it since `since`.

    `cause` says why a device is offline; `listener_lost` is a listener that fell silent. Everything but `state` is null for a device
    that never connected.
    """

    model_config = ConfigDict(from_attributes=True)

    state: LinkState
    since: datetime | None = None
    cause: str | None = None
    session_id: str | None = None
    listener_id: str | None = None
    opened_at: datetime | None = None
    transport: Literal["tcp", "udp"] | None = None
    peer: str | None = None


class SessionView(BaseModel):
    """One link of a device, from its opening to its end. `cause` says why it ended; `quiet_since` is when a silent one was last heard."""

    model_config = ConfigDict(from_attributes=True)

    session_id: str
    opened_at: datetime
    closed_at: datetime | None
    cause: str | None
    quiet_since: datetime | None
    listener_id: str
    dialect: Literal["binary", "ascii"]
    transport: Literal["tcp", "udp"]
    peer: str


class SessionPage(BaseModel):
    """Links of a device in the order of their openings."""

    items: list[SessionView]
    next_cursor: str | None


class Disconnection(BaseModel):
    """The link that its listener was asked to close. Once it has, it is in the device's sessions with the cause `forced`."""

    device_id: str
    session_id: str
    listener_id: str
    opened_at: datetime
