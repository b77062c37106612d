"""Odd reports of the ASCII dialect: blanks and nonsense never raise and never become zero."""

import pytest

from vt600_protocol import (
    PositionReport,
    decode_datagram,
    encode_report,
)
from vt600_protocol.ascii.framing import build as build_ascii

FIELDS = [
    "0",
    "",
    "211103013512",
    "A",
    "22.679003",
    "114.045085",
    "16",
    "1.1",
    "0",
    "271",
    "76",
    "109075",
    "460|0|249F|10C5",
    "19",
    "3E",
    "00",
    "00",
    "0A57|0168",
]


def ascii_(**changes: str) -> PositionReport:
    fields = list(FIELDS)
    for place, text in changes.items():
        fields[int(place.removeprefix("f"))] = text
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", ",".join(fields).encode())).messages
    assert isinstance(report, PositionReport)
    return report


@pytest.mark.parametrize("time", ["", "211303013512", "2111030135", "21110301351x"])
def test_an_ascii_time_that_is_none_is_null(time: str) -> None:
    assert ascii_(f2=time).device_time is None


def test_ascii_numbers_that_are_none_are_null() -> None:
    report = ascii_(f4="91", f5="-181", f6="٣", f8="", f10="20001", f11="9" * 25, f12="460|0|249F", f14="", f17="zz|01")

    assert report.latitude is None
    assert report.longitude is None
    assert report.satellites is None
    assert report.speed_kmh is None
    assert report.odometer_m is None
    assert report.altitude_m is None
    assert report.cell is None
    assert (report.status, report.stored, report.external_power) == (None, None, None)
    assert report.analog_raw == ()


def test_a_cell_with_an_unreadable_part_is_null() -> None:
    assert ascii_(f12="460|x|249F|10C5").cell is None


def test_an_unknown_event_keeps_its_number() -> None:
    report = ascii_(f0="99")

    assert (report.event, report.event_code, report.is_alarm) == (None, 99, False)


def test_an_obd_field_of_another_form_is_kept_raw() -> None:
    fields = ",".join(FIELDS) + ",1,,,1|2|3,extra"
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", fields.encode())).messages

    assert isinstance(report, PositionReport)
    assert report.obd is None
    assert report.unparsed == ("1|2|3", "extra")


def test_a_frame_whose_fields_end_early_has_what_it_has() -> None:
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", b"1,,211103013512,V")).messages

    assert isinstance(report, PositionReport)
    assert (report.event, report.is_alarm, report.fix_valid) == ("sos", True, False)
    assert (report.latitude, report.satellites, report.status, report.pro_code) == (None, None, None, None)
    assert report.unparsed == ()


def test_the_text_under_pro_code_131_is_the_drivers() -> None:
    fields = ",".join(FIELDS) + ",131,,,,%  ^EXAMPLE NAME^^?,;600764?"
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", fields.encode())).messages

    assert isinstance(report, PositionReport)
    assert report.driver_text == "%  ^EXAMPLE NAME^^?,;600764?"
    assert b",131,,,,%  ^EXAMPLE NAME^^?,;600764?" in encode_report(report)
    assert report.unparsed == ()


def test_entries_and_voltages_of_another_form_are_kept_raw() -> None:
    fields = ",".join([*FIELDS[:12], "460|x|249F|10C5", *FIELDS[13:17], "04C0||01x"]) + ",1,010064|02zz,8,,"
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", fields.encode())).messages

    assert isinstance(report, PositionReport)
    assert [level.litres for level in report.fuel] == [10.0]
    assert (report.external_v, report.battery_v, report.analog_raw) == (12.16, None, ())
    assert report.unparsed == ("460|x|249F|10C5", "04C0||01x", "02zz", "8")


def test_event_data_that_is_not_printable_is_kept_as_hex() -> None:
    assert ascii_(f0="54", f1="a\x01b").event_data == "hex:610162"


def test_fuel_and_temperatures_of_the_documented_example_are_read() -> None:
    fields = ",".join(FIELDS) + ",1,0104B0,01013D|028135"
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", fields.encode())).messages

    assert isinstance(report, PositionReport)
    assert [(level.tank, level.litres) for level in report.fuel] == [(1, 120.0)]
    assert [(entry.sensor, entry.celsius) for entry in report.temperatures] == [(1, 31.7), (2, -30.9)]
