"""Odd positions and alarms of the binary dialect: blanks and other makers' habits never raise and never become zero."""

from datetime import UTC, datetime

import pytest

from vt600_protocol import (
    ContentError,
    PositionReport,
    decode_datagram,
)
from vt600_protocol.binary.framing import build as build_binary

RMC = "104641.000,A,0753.5383,N,09822.1778,E,0.00,0,200120,,*13"


def refusal(data: bytes) -> str:
    datagram = decode_datagram(data)
    assert datagram.messages == ()
    (error,) = datagram.errors
    assert isinstance(error, ContentError)
    return str(error)


def binary(text: str, code: str = "9955") -> PositionReport:
    (report,) = decode_datagram(build_binary(b"$$", "1234", code, text.encode("latin-1"))).messages
    assert isinstance(report, PositionReport)
    return report


@pytest.mark.parametrize(
    ("time", "date", "expected"),
    [
        ("104641", "200120", datetime(2020, 1, 20, 10, 46, 41, tzinfo=UTC)),
        ("104641.05", "200120", datetime(2020, 1, 20, 10, 46, 41, 50_000, tzinfo=UTC)),
        ("000000.000", "220899", datetime(1999, 8, 22, tzinfo=UTC)),
        ("", "200120", None),
        ("104641", "", None),
        ("246000", "200120", None),
        ("104641", "320120", None),
        ("10464x", "200120", None),
    ],
)
def test_the_device_clock_is_read_or_none(time: str, date: str, expected: datetime | None) -> None:
    assert binary(f"{time},A,0753.5,N,09822.1,E,0.00,0,{date},,").device_time == expected


@pytest.mark.parametrize("latitude", ["", "5", "9160.0", "9130.0", "0753.x", "0775.0", "xx53.0", "nan"])
def test_a_latitude_that_is_none_is_null(latitude: str) -> None:
    assert binary(f"104641,A,{latitude},N,09822.1,E,0.00,0,200120,,").latitude is None


@pytest.mark.parametrize("speed", ["", "nan", "inf", "1_0", "-3", "fast"])
def test_a_speed_that_is_none_is_null(speed: str) -> None:
    assert binary(f"104641,A,0753.5,N,09822.1,E,{speed},,200120,,").speed_kmh is None


def test_degrees_need_no_fraction() -> None:
    assert binary("104641,A,0730,S,9830,W,0,0,200120").latitude == -7.5


@pytest.mark.parametrize("altitude", ["-859117376", "20001", "high", ""])
def test_an_altitude_beyond_reason_is_null(altitude: str) -> None:
    assert binary(f"{RMC}|0.9|{altitude}|2400").altitude_m is None


def test_an_alarm_without_its_code_byte_is_an_alarm_of_unknown_kind() -> None:
    report = binary(RMC, "9999")

    assert (report.is_alarm, report.event, report.event_code) == (True, None, None)
    assert report.device_time is not None


def test_an_alarm_of_an_unknown_code_keeps_its_number() -> None:
    report = binary("\x71" + RMC, "9999")

    assert (report.is_alarm, report.event, report.event_code) == (True, None, 0x71)


@pytest.mark.parametrize("base_id", ["02080005", "020800051XDF00F3", "0208000517DF00F3688"])
def test_a_base_id_of_another_form_is_kept_raw_with_what_follows(base_id: str) -> None:
    report = binary(f"{RMC}|0.9|7|2400|0000,0001|{base_id}|08")

    assert report.cell is None
    assert report.csq is None
    assert report.unparsed == (base_id, "08")


def test_external_power_is_only_claimed_of_units_with_four_analogue_values() -> None:
    assert binary(f"{RMC}|0.9|7|2000|0000,0001,0002,0003").external_power is True
    assert binary(f"{RMC}|0.9|7|2000|0000,0001").external_power is None


@pytest.mark.parametrize("text", ["", "0000", "1,2,3"])
def test_a_position_without_its_text_is_refused(text: str) -> None:
    assert "RMC" in refusal(build_binary(b"$$", "1234", "9955", text.encode()))


def test_an_alarm_without_anything_is_refused() -> None:
    assert "RMC" in refusal(build_binary(b"$$", "1234", "9999", b""))


def test_an_alarm_without_place_or_time_is_still_an_alarm() -> None:
    report = binary("\x01,V,,,,,,,,,*13|||2400", "9999")

    assert (report.event, report.is_alarm, report.inputs) == ("sos", True, 4)
    assert (report.device_time, report.latitude, report.speed_kmh) == (None, None, None)


@pytest.mark.parametrize("north", ["", "X", "W"])
def test_half_a_place_is_none_and_no_fix(north: str) -> None:
    report = binary(f"104641,A,0753.5,{north},09822.1,E,0,0,200120")

    assert (report.latitude, report.longitude, report.fix_valid) == (None, None, False)


def test_a_driver_text_that_no_store_could_hold_is_kept_as_hex() -> None:
    report = binary(f"{RMC}|0.9|7|2400|0000,0001|0208000517DF00F3|08|00001BB6|00|AB\0|C")

    assert report.driver_text == "hex:4142007c43"


def test_fields_that_are_not_what_they_should_be_are_kept_raw() -> None:
    report = binary(f"{RMC}|0.9|7|24|0000,1|0208000517DF00F3|8|x|0A|text")

    assert (report.status, report.analog_raw, report.csq, report.odometer_m) == (None, (), None, None)
    assert (report.satellites, report.driver_text) == (10, "text")
    assert report.unparsed == ("24", "0000,1", "8", "x")


@pytest.mark.parametrize("analog", ["0000,00000", "000,0000", "0000 0001", "0000,000x", ",,,,", "0000,0001,"])
def test_an_ad_list_of_another_form_is_kept_raw(analog: str) -> None:
    report = binary(f"{RMC}|0.9|7|2400|{analog}")

    assert report.analog_raw == ()
    assert report.unparsed == (analog,)


def test_four_raw_bytes_between_the_bars_are_kept_as_hex() -> None:
    report = binary(f"{RMC}|2.5|110|\0\6\0\0|\0\0\0\x22|02B0,0AFE")

    assert report.unparsed == ("hex:00060000", "hex:00000022", "02B0,0AFE")
