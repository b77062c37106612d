"""Reports that a device sends: events find their codes, and what has no form is told."""

from dataclasses import replace

import pytest

from vt600_protocol import (
    EVENTS,
    PositionReport,
    SensorTemperature,
    decode_datagram,
    encode_report,
)
from vt600_protocol.ascii.events import EVENT_CODES
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.alarms import ALARMS
from vt600_protocol.binary.framing import build as build_binary

BINARY = build_binary(b"$$", "1234", "9955", b"104641,A,0753.5383,N,09822.1778,E,0.00,0,200120")
ASCII = build_ascii(b"&&", "A", "1234", "000", b"0,,211103013512,A,22.679003,114.045085")


def report_of(frame: bytes) -> PositionReport:
    (report,) = decode_datagram(frame).messages
    assert isinstance(report, PositionReport)
    return report


def test_every_event_of_both_dialects_is_in_the_common_vocabulary() -> None:
    used = {event for event, _ in [*ALARMS.values(), *EVENT_CODES.values()]}

    assert used | {"interval", "logged"} == set(EVENTS)
    assert len(set(ALARMS.values())) == len(ALARMS)
    assert len(set(EVENT_CODES.values())) == len(EVENT_CODES)


@pytest.mark.parametrize(
    ("code", "event"), [("9999", "speeding"), ("000", "speeding"), ("9999", "no such event"), ("000", "no such event")]
)
def test_an_event_without_a_code_is_sent_under_its_own(code: str, event: str) -> None:
    plain = report_of(BINARY if code == "9999" else ASCII)
    sent = replace(plain, code=code, event=event, event_code=None)
    (report,) = decode_datagram(encode_report(sent)).messages

    assert isinstance(report, PositionReport)
    assert report.event == (event if event in EVENTS else None)


def test_a_report_that_has_no_form_is_told() -> None:
    for report in (
        replace(report_of(ASCII), event_data="a,b"),
        replace(report_of(ASCII), temperatures=(SensorTemperature(sensor=1, celsius=4000.0),)),
        replace(report_of(ASCII), inputs=0x100),
        replace(report_of(BINARY), status=0x10000),
        replace(report_of(BINARY), device_id="1" * 15),
    ):
        with pytest.raises(ValueError, match=r"form|hold|digits"):
            encode_report(report)
