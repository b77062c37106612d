"""Rejects as HTTP shows them."""

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

REJECT_EXAMPLE: dict[str, Any] = {
    "received_at": "2026-05-04T12:00:01.250000Z",
    "reject_id": "9d5ed678fe57bcca610140957afab571",
    "peer": "192.0.2.7:40001",
    "transport": "tcp",
    "listener_id": "listener-1",
    "reason": "checksum",
    "detail": "the frame says 0x1d2f, its bytes make 0x1d2e",
    "raw": "24240011143190975469ff99551d2f0d0a",
    "total_bytes": 17,
    "dialect": "binary",
    "device_id": None,
    "session_id": None,
}


class RejectView(BaseModel):
    """Bytes that were refused, or the first frame of a device of which nothing is stored. `device_id` is a claim, if it is known at all.

    `raw` is hex: the first 4,096 of `total_bytes`.
    """

    received_at: datetime
    reject_id: str
    peer: str
    transport: Literal["tcp", "udp"]
    listener_id: str
    reason: str
    detail: str
    raw: str
    total_bytes: int
    dialect: Literal["binary", "ascii"] | None
    device_id: str | None
    session_id: str | None


class RejectPage(BaseModel):
    """Rejects in the order of their arrival."""

    model_config = ConfigDict(json_schema_extra={"examples": [{"items": [REJECT_EXAMPLE], "next_cursor": None}]})

    items: list[RejectView]
    next_cursor: str | None
