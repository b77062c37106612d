"""Messages that are no report: the word for their kind, and their fields as they travel on the bus."""

from dataclasses import asdict, fields
from typing import Any

from vt600_bus.records import UplinkKind
from vt600_protocol import (
    CardReport,
    CommandReply,
    CompressedRecords,
    EngineReport,
    EngineTotals,
    Heartbeat,
    Login,
    Message,
    PhotoEnd,
    PhotoPart,
    PhotoStart,
    SerialData,
    ServerQuery,
    TroubleCodeReport,
)

_KINDS: dict[type[Message], UplinkKind] = {
    Login: "login",
    Heartbeat: "heartbeat",
    CommandReply: "reply",
    CompressedRecords: "compressed_records",
    SerialData: "serial_data",
    CardReport: "cards",
    EngineReport: "engine",
    EngineTotals: "engine_totals",
    TroubleCodeReport: "trouble_codes",
    PhotoStart: "photo_start",
    PhotoPart: "photo_part",
    PhotoEnd: "photo_end",
    ServerQuery: "server_query",
}
_SHARED = frozenset(field.name for field in fields(Message))


def kind_of(message: Message) -> UplinkKind:
    """The word for the kind of a message."""
    return _KINDS.get(type(message), "unknown")


def details_of(message: Message) -> dict[str, Any] | None:
    """The message's own fields, None when it has none. Bytes are left out: the frame has them."""
    found = {
        name: value for name, value in asdict(message).items() if name not in _SHARED and not isinstance(value, bytes)
    }
    return found or None
