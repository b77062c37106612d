"""The bytes of a reject → the uplinks that a listener would have published, had it read them."""

from collections.abc import Iterator
from dataclasses import asdict, fields
from hashlib import blake2b
from typing import Any

import asyncpg

from vt600_api.ingest.uplinks import read_uplink
from vt600_api.redecode.decoding import report_fields
from vt600_bus import RecordError, encode
from vt600_bus.records import ReportFields, Uplink, UplinkKind
from vt600_protocol import (
    DECODER_VERSION,
    CardReport,
    CommandReply,
    CompressedRecords,
    EngineReport,
    EngineTotals,
    Heartbeat,
    LoggedPosition,
    Login,
    Message,
    PhotoEnd,
    PhotoPart,
    PhotoStart,
    PositionReport,
    SerialData,
    ServerQuery,
    StoredRecords,
    TroubleCodeReport,
    decode_datagram,
    record_id,
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


def read_uplinks(reject: asyncpg.Record) -> list[Uplink]:
    """What is in its bytes, when all of them can be read now; nothing otherwise."""
    datagram = decode_datagram(reject["raw"])
    if datagram.errors or not all(message.device_id.strip("0") for message in datagram.messages):
        return []
    try:
        return [
            read_uplink(encode(uplink))
            for number, message in enumerate(datagram.messages)
            for uplink in _uplinks(reject, message, number)
        ]
    except RecordError:
        return []


def _uplinks(reject: asyncpg.Record, message: Message, number: int) -> Iterator[Uplink]:
    match message:
        case PositionReport():
            yield _uplink(reject, message, record_id(message), report_fields(message))
        case StoredRecords(records=records):
            for record in records:
                yield _uplink(reject, record, record_id(record), report_fields(record))
        case LoggedPosition(report=report):
            yield _uplink(reject, report, record_id(report), report_fields(report))
        case CompressedRecords():
            yield _uplink(reject, message, record_id(message), None)
        case _:
            # The same each time, so that a reject that was read from its topic again does no harm (docs/decisions/0003).
            seed = f"{reject['reject_id'].hex}\0{reject['received_at'].isoformat()}\0{number}"
            yield _uplink(reject, message, blake2b(seed.encode(), digest_size=16).hexdigest(), None)


def _uplink(reject: asyncpg.Record, message: Message, frame_id: str, report: ReportFields | None) -> Uplink:
    return Uplink(
        frame_id=frame_id,
        device_id=message.device_id,
        dialect=message.dialect,
        transport=reject["transport"],
        peer=reject["peer"],
        listener_id=reject["listener_id"],
        session_id=reject["session_id"] or "",
        generation=0,
        received_at=reject["received_at"],
        kind=_KINDS.get(type(message), "unknown") if report is None else report.kind,
        code=message.code,
        raw=message.raw,
        decoder=DECODER_VERSION,
        packet_no=message.packet_no,
        report=report,
        details=_details(message) if report is None else None,
    )


def _details(message: Message) -> dict[str, Any] | None:
    """The message's own fields but for bytes, which the frame has."""
    found = {
        name: value for name, value in asdict(message).items() if name not in _SHARED and not isinstance(value, bytes)
    }
    return found or None
