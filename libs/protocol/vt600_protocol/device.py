"""Frames that a device sends: for the simulator, the tests, and people who try a server."""

from collections.abc import Callable, Mapping
from typing import Any

from vt600_protocol.accessories import CardReport, EngineReport, EngineTotals, TroubleCodeReport
from vt600_protocol.ascii import encode as ascii_encode
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import encode as binary_encode
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.binary import others
from vt600_protocol.command_types import TABLES
from vt600_protocol.messages import CommandFrame, Dialect, LoggedPosition, Message, PositionReport, StoredRecords
from vt600_protocol.photos import PhotoEnd, PhotoPart, PhotoStart
from vt600_protocol.replies import Answer

HEARTBEAT = b"\x00"  # SPEC §3.5


def encode_login(device_id: str) -> bytes:
    """`5000`: a binary unit says who it is (SPEC §3.5)."""
    return _frame("binary", device_id, "5000", None, b"")


def encode_report(report: PositionReport) -> bytes:
    """The frame of a report, from its fields; `raw` and `content` are not looked at. ValueError for what has no form."""
    if report.dialect == "ascii":
        data = ascii_encode.report_data(report)
    elif report.code == "9977":
        data = others.encode_photo_position(report)
    else:
        data = binary_encode.report_data(report)
    return _frame(report.dialect, report.device_id, report.code, report.packet_no, data)


def encode_uplink(message: Message) -> bytes:
    """The frame of any message of a device, from its fields. Messages without fields of their own are made of their `content`."""
    if isinstance(message, PositionReport):
        return encode_report(message)
    data_of = _DATA.get(type(message))
    data = message.content if data_of is None else data_of(message)
    return _frame(message.dialect, message.device_id, message.code, message.packet_no, data)


def encode_reply(frame: CommandFrame, answer: Answer) -> bytes:
    """The device's reply to a command: its yes or no, or values (SPEC §3.10, §4.7). ValueError for values that this command does
    not have."""
    code, form = TABLES[frame.dialect].reply_to(frame.code, with_values=answer.values is not None)
    return _frame(frame.dialect, frame.device_id, code, frame.packet_no, form.write(answer))


_DATA: Mapping[type[Message], Callable[[Any], bytes]] = {
    StoredRecords: others.encode_stored,
    LoggedPosition: others.encode_logged,
    CardReport: others.encode_cards,
    EngineReport: others.encode_values,
    EngineTotals: others.encode_values,
    TroubleCodeReport: others.encode_trouble,
    PhotoStart: others.encode_photo_index,
    PhotoPart: others.encode_photo_part,
    PhotoEnd: others.encode_photo_index,
}


def _frame(dialect: Dialect, device_id: str, code: str, packet_no: str | None, data: bytes) -> bytes:
    if dialect == "binary":
        return binary_framing.build(binary_framing.UPLINK_PREFIX, device_id, code, data)
    return ascii_framing.build(ascii_framing.UPLINK_PREFIX, packet_no or ":", device_id, code, data or None)
