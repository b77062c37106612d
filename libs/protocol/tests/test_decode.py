"""Which frames become which messages, and which are refused."""

import pytest

from vt600_protocol import (
    ChecksumError,
    CommandReply,
    CompressedRecords,
    ContentError,
    Heartbeat,
    SerialData,
    Unknown,
    decode_datagram,
    encode_login,
)
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary
from vt600_protocol.checksum import crc16

RMC = "104641.000,A,0753.5383,N,09822.1778,E,0.00,0,200120,,*13"


def refusal(data: bytes) -> str:
    datagram = decode_datagram(data)
    assert datagram.messages == ()
    (error,) = datagram.errors
    assert isinstance(error, ContentError)
    return str(error)


def test_an_identity_that_is_empty_or_corrupt_is_refused() -> None:
    for packed, word in ((b"\xff" * 7, "empty"), (b"\x1a" + b"\xff" * 6, "digits")):
        frame = bytearray(encode_login("1234"))
        frame[4:11] = packed
        frame[-4:-2] = crc16(frame[:-4]).to_bytes(2, "big")

        assert word in refusal(bytes(frame))


@pytest.mark.parametrize(
    ("data", "word"),
    [
        (build_ascii(b"&&", "A", "a-b-c", "000", b"1"), "identity"),
        (build_ascii(b"&&", "A", "1234", "000", b"0,,1"), "nothing"),
    ],
)
def test_an_ascii_frame_that_cannot_be_read_says_why(data: bytes, word: str) -> None:
    assert word in refusal(data)


def test_an_identity_that_was_never_set_is_read_and_left_to_the_server_to_refuse() -> None:
    for frame in (encode_login("0" * 14), build_ascii(b"&&", "A", "0" * 15, "030", None)):
        (message,) = decode_datagram(frame).messages

        assert not message.device_id.strip("0")


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


@pytest.mark.parametrize(("data", "code"), [(b"A1b,1", "A1b"), (b"\x01\x02\x03,1", ""), (b"1234,1", ""), (b"x,1", "")])
def test_a_command_that_is_not_three_digits_is_unknown_and_kept(data: bytes, code: str) -> None:
    whole = build_ascii(b"&&", "A", "123456", data.decode("latin-1"), None)
    (message,) = decode_datagram(whole).messages

    assert isinstance(message, Unknown)
    assert (message.code, message.raw) == (code, whole)
    assert message.content in (data, b"1")


@pytest.mark.parametrize(("content", "ok"), [(b"\x01", True), (b"\x00", False), (b"\x07", None), (b"", None)])
def test_a_binary_flag_is_yes_no_or_nothing(content: bytes, ok: bool | None) -> None:
    (reply,) = decode_datagram(build_binary(b"$$", "1234", "4115", content)).messages

    assert isinstance(reply, CommandReply)
    assert (reply.ok, reply.reason) == (ok, "flag 00" if ok is False else None)


def test_020_and_710_are_kept_as_they_are() -> None:
    (kept,) = decode_datagram(build_ascii(b"&&", "A", "1234", "020", b"\0\xff,\r\n")).messages
    (serial,) = decode_datagram(build_ascii(b"&&", "A", "1234", "710", b"T1,\r\nT2")).messages

    assert isinstance(kept, CompressedRecords)
    assert kept.content == b"\0\xff,\r\n"
    assert isinstance(serial, SerialData)
    assert serial.content == b"T1,\r\nT2"


@pytest.mark.parametrize(
    ("code", "content"),
    [
        ("AA00", b"\x01"),
        ("6688", b"\x00"),
        ("6688", b"\x02\x00" + RMC.encode() + b"\\"),
        ("9016", b"\x01\x02\0\0\0\x01"),
        ("9966", b"\0" * 60 + b"|120340,280606"),
        ("9966", b"\0" * 61),
        ("9901", b"1,2,3"),
        ("9902", b""),
        ("0800", b""),
        ("9988", b"\x01\x00\x01\x01"),
        ("0F80", b"\x01\x02"),
        ("9977", b"\x01\x02"),
    ],
)
def test_what_is_laid_out_in_another_way_is_unknown_with_all_its_bytes(code: str, content: bytes) -> None:
    frame = build_binary(b"$$", "1234", code, content)
    (message,) = decode_datagram(frame).messages

    assert type(message) is Unknown
    assert (message.code, message.raw, message.content) == (code, frame, content)


@pytest.mark.parametrize(("code", "accepted"), [("0800", True), ("9988", True), ("9955", False), ("5000", False)])
def test_a_crc_of_ffff_is_accepted_of_photos_only(code: str, accepted: bool) -> None:
    frame = bytearray(build_binary(b"$$", "1234", code, RMC.encode()))
    frame[-4:-2] = b"\xff\xff"
    datagram = decode_datagram(bytes(frame))

    assert bool(datagram.messages) == accepted
    assert [error.reason for error in datagram.errors] == ([] if accepted else ["checksum"])
