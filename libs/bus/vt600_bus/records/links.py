"""Links of devices, and the listeners that hold them."""

from datetime import datetime
from typing import Literal

from msgspec import Struct

from vt600_bus.records.reports import Dialect, Transport


class Session(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.session.v1"):
    """A device's link was opened or closed. The newest `generation` of a device is its live link."""

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


class Listener(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.listener.v1"):
    """A listener renews its lease. One that has not renewed for `lease_s` holds no links."""

    listener_id: str
    state: Literal["up", "draining", "down"]
    started_at: datetime
    renewed_at: datetime
    lease_s: float
    links: int
