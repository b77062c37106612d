"""The parts of ASCII frames (SPEC §4)."""

import re
from typing import NamedTuple

from vt600_protocol.messages import Message, PositionReport
from vt600_protocol.tools.findings import Flow, Part
from vt600_protocol.tools.report_fields import (
    ASCII_DRIVER_TEXT,
    ASCII_FIELDS,
    EXTRA,
    IGNITION_TIME,
    take_fields,
)
from vt600_protocol.tools.spelling import data_text, identity_meaning, own_fields
from vt600_protocol.tools.strip import Strip
from vt600_protocol.values import integer, printable

STAND_IN_ID = b"000000000000001"
_SIDES = {"up": "ASCII, from the device", "down": "ASCII, from the server"}
_REPORTS = ("000", "010")
_FORM = re.compile(rb"(..)(.?)([^,]{0,7},?)([^,]*,?)([^,]*,?)(.*)", re.DOTALL)


class Form(NamedTuple):
    """A frame without its sum and end; each field with the comma that ends it."""

    header: bytes
    packet_no: bytes
    length: bytes
    identity: bytes
    code: bytes
    data: bytes


def split(body: bytes) -> Form:
    """The frame's form, as far as there is something of it."""
    return Form(*_FORM.findall(body)[0])


def identity(field: bytes) -> str:
    """The identity as text."""
    return printable(field.removesuffix(b",").decode("latin-1"))


def ascii_body(body: bytes, offset: int, flow: Flow, message: Message | None, title: str) -> list[Part]:
    """The parts from the header to the last byte of the data; `message` is what a decoder reads in them."""
    strip = Strip(body, offset)
    form = split(body)
    section = "§4.7" if flow == "down" else "§4.2"
    strip.take(2, "header", "§4.1", value=_text(form.header), meaning=_SIDES[flow])
    strip.take(1, "packet number", "§4.5", value=printable(_text(form.packet_no)), field="packet_no")
    counted = "from the first comma to the last data byte"
    strip.take(len(form.length), "length", "§4.1", value=integer(_text(form.length)), unit="bytes", meaning=counted)
    device_id = identity(form.identity)
    meaning = identity_meaning(device_id)
    strip.take(len(form.identity), "identity", "§4.1", value=device_id, meaning=meaning, field="device_id")
    strip.take(len(form.code), "command", section, value=printable(_text(form.code)), meaning=title)
    if isinstance(message, PositionReport) and message.code in _REPORTS:
        _take_report(strip, message)
    else:
        meaning = None if message is None else own_fields(message)
        strip.rest("data", section, value=data_text(form.data), meaning=meaning)
    return strip.parts


def ascii_trailer(trailer: bytes, offset: int, *, is_right: bool) -> list[Part]:
    """Sum and end."""
    strip = Strip(trailer, offset)
    strip.take(2, "sum", "§4.1", value=printable(_text(trailer[:2])), meaning="right" if is_right else "wrong")
    strip.rest("end", "§4.1", meaning="CR LF" if trailer[2:] == b"\r\n" else "not CR LF")
    return strip.parts


def _text(field: bytes) -> str:
    return field.removesuffix(b",").decode("latin-1")


def _take_report(strip: Strip, report: PositionReport) -> None:
    text = report.content.decode("latin-1")
    if report.driver_text is None:
        fields = ASCII_FIELDS if report.ignition_on_s is None else (*ASCII_FIELDS, IGNITION_TIME)
        take_fields(strip, report, text.split(","), fields, EXTRA, closed=False)
    else:
        take_fields(strip, report, text.split(",", len(ASCII_FIELDS)), ASCII_FIELDS, ASCII_DRIVER_TEXT, closed=False)
