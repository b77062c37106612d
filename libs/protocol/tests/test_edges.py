"""Where frames are odd: blanks, nonsense and other makers' habits never raise and never become zero."""

from datetime import UTC, datetime

import pytest

from vt600_protocol import (
    ChecksumError,
    CommandReply,
    Connection,
    ContentError,
    FrameError,
    Heartbeat,
    PositionReport,
    RubbishError,
    decode_datagram,
    encode_login,
)
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary
from vt600_protocol.checksum import crc16

RMC = "104641.000,A,0753.5383,N,09822.1778,E,0.00,0,200120,,*13"
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


def binary(text: str, code: str = "9955") -> PositionReport:
    (report,) = decode_datagram(build_binary(b"$$", "1234", code, text.encode("latin-1"))).messages
    assert isinstance(report, PositionReport)
    return report


def ascii_(**changes: str) -> PositionReport:
    fields = list(FIELDS)
    for place, text in changes.items():
        fields[int(place.removeprefix("f"))] = text
    (report,) = decode_datagram(build_ascii(b"&&", "A", "1234", "000", ",".join(fields).encode())).messages
    assert isinstance(report, PositionReport)
    return report


def refusal(data: bytes) -> str:
    datagram = decode_datagram(data)
    assert datagram.messages == ()
    (error,) = datagram.errors
    assert isinstance(error, ContentError)
    return str(error)


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
    assert ascii_(f10=altitude).altitude_m is None


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


def test_an_empty_or_corrupt_identity_is_refused() -> None:
    for packed, word in ((b"\xff" * 7, "empty"), (b"\x1a" + b"\xff" * 6, "digits")):
        frame = bytearray(encode_login("1234"))
        frame[4:11] = packed
        frame[-4:-2] = crc16(frame[:-4]).to_bytes(2, "big")

        assert word in refusal(bytes(frame))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (build_ascii(b"&&", "A", "a-b-c", "000", b"1"), "identity"),
        (build_ascii(b"&&", "A", "1234", "xyz", b"1"), "command"),
        (build_ascii(b"&&", "A", "1234", "000", b"0,,1"), "fields"),
    ],
)
def test_an_ascii_frame_that_cannot_be_read_says_why(data: bytes, word: str) -> None:
    assert word in refusal(data)


@pytest.mark.parametrize("time", ["", "211303013512", "2111030135", "21110301351x"])
def test_an_ascii_time_that_is_none_is_null(time: str) -> None:
    assert ascii_(f2=time).device_time is None


def test_ascii_numbers_that_are_none_are_null() -> None:
    report = ascii_(f4="91", f5="-181", f6="٣", f8="", f11="9" * 25, f12="460|0|249F", f14="", f17="zz|01")

    assert report.latitude is None
    assert report.longitude is None
    assert report.satellites is None
    assert report.speed_kmh is None
    assert report.odometer_m is None
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


@pytest.mark.parametrize(
    "frame", [build_binary(b"$$", "1234", "0001", b""), build_ascii(b"&&", "A", "1234", "030", None)]
)
def test_a_framed_heartbeat_is_known(frame: bytes) -> None:
    assert isinstance(decode_datagram(frame).messages[0], Heartbeat)


@pytest.mark.parametrize(("word", "ok"), [("OK", True), ("Unsupport", False), ("Failed", False), ("1,2", None)])
def test_an_ascii_reply_says_yes_no_or_values(word: str, ok: bool | None) -> None:
    (reply,) = decode_datagram(build_ascii(b"&&", "A", "1234", "900", word.encode())).messages

    assert isinstance(reply, CommandReply)
    assert reply.ok is ok
    assert reply.reason == (word if ok is False else None)


def test_rubbish_is_reported_before_the_frame_that_follows_it() -> None:
    connection = Connection()
    connection.receive_data(b"\0\0GET / HTTP/1.1\r\n\0" + encode_login("1234"))
    with pytest.raises(RubbishError) as caught:
        connection.next_message()

    assert caught.value.raw == b"GET / HTTP/1.1\r\n"
    assert not caught.value.closes_stream
    assert connection.next_message() is not None
    assert connection.heartbeats == 3


def test_too_much_rubbish_closes_the_stream_for_good() -> None:
    connection = Connection(max_rubbish_bytes=100)
    connection.receive_data(b"x" * 101)
    with pytest.raises(RubbishError) as caught:
        connection.next_message()
    connection.receive_data(encode_login("1234"))

    assert caught.value.closes_stream
    assert connection.next_message() is None
    assert connection.buffered_bytes == 0


def test_a_frame_longer_than_the_bound_is_rubbish() -> None:
    connection = Connection(max_frame_bytes=64)
    connection.receive_data(build_binary(b"$$", "1234", "AA00", b"z" * 100) + encode_login("1234"))
    with pytest.raises(RubbishError):
        connection.next_message()

    assert connection.next_message() is not None


def test_half_a_frame_waits_for_the_rest_and_is_told_at_the_end() -> None:
    connection = Connection()
    frame = build_ascii(b"&&", "A", "1234", "000", ",".join(FIELDS).encode())
    connection.receive_data(frame[:50])

    assert connection.next_message() is None
    assert connection.dialect == "ascii"
    assert connection.buffered_bytes == 50
    assert isinstance(connection.finish(), FrameError)


def test_a_long_stream_in_small_reads_is_forgotten_as_it_is_read() -> None:
    connection = Connection()
    frame = encode_login("1234")
    stream = frame * 20_000
    read = 0
    for at in range(0, len(stream), 4099):
        connection.receive_data(stream[at : at + 4099])
        while connection.next_message() is not None:
            read += 1
            assert len(connection._buffer) <= 65_536 + 2 * 4099

    assert read == 20_000


def test_the_dialect_of_a_stream_stays() -> None:
    connection = Connection()
    connection.receive_data(encode_login("1234") + build_ascii(b"&&", "A", "1234", "030", None))
    first = connection.next_message()

    assert first is not None
    assert connection.dialect == "binary"
    assert connection.next_message() is None
    assert isinstance(connection.finish(), FrameError)


def test_a_wrong_sum_is_told_with_the_right_one() -> None:
    frame = bytearray(build_ascii(b"&&", "A", "1234", "030", None))
    frame[-4:-2] = b"00"
    (error,) = decode_datagram(bytes(frame)).errors

    assert isinstance(error, ChecksumError)
    assert "should be" in str(error)


def test_lower_case_sums_are_accepted() -> None:
    frame = build_ascii(b"&&", "A", "021104023195429", "800", None)
    lower = frame[:-4] + frame[-4:-2].lower() + frame[-2:]

    assert len(decode_datagram(lower).messages) == 1
