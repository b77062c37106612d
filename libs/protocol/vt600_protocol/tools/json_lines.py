"""Messages and errors as JSON, one line each: bytes as hex, times as RFC 3339."""

import json
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from typing import Any

from vt600_protocol.datagram import decode_datagram
from vt600_protocol.errors import ProtocolError
from vt600_protocol.tools.cutting import guess_direction
from vt600_protocol.tools.findings import Flow
from vt600_protocol.tools.sources import Source
from vt600_protocol.tools.spelling import kind_name


def json_lines(source: Source, direction: Flow | None) -> Iterator[tuple[str, bool]]:
    """Each message and then each error of the bytes, and whether it is a message. Without a direction the first frame tells it."""
    flow = direction or guess_direction(source.data)
    found = decode_datagram(source.data, "server" if flow == "up" else "device")
    name = {"source": source.name} if source.name else {}
    for message in found.messages:
        yield json.dumps({**name, "kind": kind_name(message), **_fields(message)}), True
    for error in found.errors:
        yield json.dumps({**name, **_error(error)}), False


def _error(error: ProtocolError) -> dict[str, Any]:
    return {
        "kind": "error",
        "reason": error.reason,
        "detail": str(error),
        "dialect": error.dialect,
        "raw": error.raw.hex(),
    }


def _fields(record: object) -> dict[str, Any]:
    return {field.name: _plain(getattr(record, field.name)) for field in fields(record)}  # type: ignore[arg-type]


def _plain(value: object) -> object:
    """A value as JSON knows it."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, datetime):
        return value.isoformat().replace("+00:00", "Z")
    if isinstance(value, tuple | list):
        return [_plain(entry) for entry in value]
    return {"kind": kind_name(value), **_fields(value)} if is_dataclass(value) else value
