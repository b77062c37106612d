"""Links of devices, and the listeners that hold them."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from vt600_bus.records.reports import Dialect, Transport


class Session(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.session.v1"):
    """A device's link was opened or closed. The newest `generation` of a device is its live link.

    An open link that falls silent is told of again, with the time since when as `quiet_since`, and again without it once it is heard.
    """

    device_id: str
    session_id: str
    generation: int
    listener_id: str
    state: Literal["open", "closed"]
    at: datetime
    opened_at: datetime
    dialect: Dialect
    transport: Transport
    peer: str
    cause: str | None = None
    quiet_since: datetime | None = None


class Listener(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.listener.v1"):
    """A listener renews its lease. One that has not renewed for `lease_s` holds no links."""

    listener_id: str
    state: Literal["up", "draining", "down"]
    started_at: datetime
    renewed_at: datetime
    lease_s: float
    links: int


class LinkStatus(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.link-status.v1"):
    """Whether a device can be reached, after a change of it: what its newest link and that link's listener say.

    `quiet` is an open link over which nothing has come since `since`. `cause` says why a device is `offline`; `listener_lost` is a
    listener that fell silent itself, which is taken back when it comes to life again.
    """

    device_id: str
    state: Literal["online", "quiet", "offline"]
    since: datetime
    session_id: str
    generation: int
    listener_id: str
    opened_at: datetime
    transport: Transport
    peer: str
    cause: str | None = None
