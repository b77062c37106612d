"""The parts of binary frames (SPEC §3)."""

from vt600_protocol.binary.framing import unpack_id
from vt600_protocol.errors import ContentError
from vt600_protocol.messages import CommandReply, LoggedPosition, Message, PositionReport, StoredRecords
from vt600_protocol.tools.findings import Flow, Part
from vt600_protocol.tools.report_fields import (
    ALARM_CODE,
    BINARY_FIELDS,
    DRIVER_TEXT,
    RMC_CHECKSUM,
    RMC_FIELDS,
    RMC_REST,
    take_fields,
)
from vt600_protocol.tools.spelling import data_text, identity_meaning, own_fields
from vt600_protocol.tools.strip import Strip

STAND_IN_ID = b"\x1f" + b"\xff" * 6
_SIDES = {"up": "binary, from the device", "down": "binary, from the server"}
_BARS = 8  # fields between RMC and driver text
# Where the SPEC describes the data of a command, if not in §3.4 (uplink) or §3.10 (replies, downlink).
_SECTIONS = {
    **dict.fromkeys(("5000", "4000"), "§3.5"),
    **dict.fromkeys(("9016", "6688"), "§3.8"),
    **dict.fromkeys(("9966", "9901", "9902", "9903", "0800", "9988", "0F80", "9977"), "§3.9"),
}


def identity(packed: bytes) -> str | None:
    """The identity of the seven bytes; None when they hold none."""
    try:
        return unpack_id(packed)
    except ContentError:
        return None


def binary_body(body: bytes, offset: int, flow: Flow, message: Message | None, title: str) -> list[Part]:
    """The parts from the header to the last byte of the data; `message` is what a decoder reads in them."""
    strip = Strip(body, offset)
    code, device_id = body[11:13].hex().upper(), identity(body[4:11])
    section = _SECTIONS.get(code, "§3.4" if flow == "up" and not isinstance(message, CommandReply) else "§3.10")
    strip.take(2, "header", "§3.1", value=body[:2].decode("latin-1"), meaning=_SIDES[flow])
    strip.take(2, "length", "§3.1", value=int.from_bytes(body[2:4], "big"), unit="bytes", meaning="of the whole frame")
    strip.take(7, "identity", "§3.3", value=device_id, meaning=identity_meaning(device_id), field="device_id")
    strip.take(2, "command", section, value=code, meaning=title, field="code")
    if isinstance(message, PositionReport):
        _take_report(strip, message)
    elif isinstance(message, StoredRecords):
        _take_records(strip, message)
    elif isinstance(message, LoggedPosition):
        _take_logged(strip, message)
    else:
        meaning = None if message is None else own_fields(message)
        strip.rest("data", section, value=data_text(body[13:]), meaning=meaning)
    return strip.parts


def binary_trailer(trailer: bytes, offset: int, *, is_right: bool) -> list[Part]:
    """CRC and end."""
    strip = Strip(trailer, offset)
    strip.take(2, "CRC", "§3.2", value=trailer[:2].hex().upper(), meaning="right" if is_right else "wrong")
    strip.rest("end", "§3.1", meaning="CR LF" if trailer[2:] == b"\r\n" else "not CR LF")
    return strip.parts


def _take_report(strip: Strip, report: PositionReport) -> None:
    content = report.content
    if report.code == "9977":
        strip.take(1, "photo", "§3.9", value=report.event_data, field="event_data")
        strip.take(1, "kind", "§3.9", value=report.event_code, field="event_code")
        content = content[2:]
    elif report.code == "9999" and report.event_code is not None:
        content = _take_alarm_code(strip, report, content)
    _take_text(strip, report, content)


def _take_records(strip: Strip, message: StoredRecords) -> None:
    strip.take(1, "count", "§3.8", value=message.content[0], unit="records")
    for number, record in enumerate(message.records):
        _take_text(strip, record, _take_alarm_code(strip, record, record.content))
        if number < len(message.records) - 1:
            strip.take(1, "separator", "§3.8")


def _take_logged(strip: Strip, message: LoggedPosition) -> None:
    strip.take(1, "device random", "§3.8", value=message.device_random, field="device_random")
    strip.take(1, "server random", "§3.8", value=message.server_random, field="server_random")
    strip.take(4, "records stored", "§3.8", value=message.records_stored, field="records_stored")
    _take_text(strip, message.report, message.report.content)


def _take_alarm_code(strip: Strip, report: PositionReport, content: bytes) -> bytes:
    """Take the first byte; what is left is the text."""
    ALARM_CODE.take(strip, report, f"{content[0]:02X}", 1)
    return content[1:]


def _take_text(strip: Strip, report: PositionReport, text: bytes) -> None:
    rmc, *others = text.decode("latin-1").split("|", _BARS + 1)
    _take_rmc(strip, report, rmc, closed=bool(others))
    take_fields(strip, report, others, BINARY_FIELDS, DRIVER_TEXT, closed=False)


def _take_rmc(strip: Strip, report: PositionReport, rmc: str, *, closed: bool) -> None:
    """The NMEA checksum is a part of its own, wherever the sentence ends."""
    sentence, star, checksum = rmc.rpartition("*")
    if not star:
        sentence, checksum = rmc, ""
    take_fields(strip, report, sentence.split(","), RMC_FIELDS, RMC_REST, closed=closed and not star)
    if star:
        RMC_CHECKSUM.take(strip, report, checksum, 1 + len(checksum) + int(closed))
