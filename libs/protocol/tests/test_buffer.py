"""Cutting: what is a frame, what is rubbish, what is waited for, and how little is remembered."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vt600_protocol import Connection, FrameError, Message, ProtocolError, RubbishError, Unknown, decode_datagram
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary

LOGIN = build_binary(b"$$", "143190975469", "5000", b"")
ASCII = build_ascii(b"&&", "A", "865429043319537", "030", None)
LONG_WAIT = b"$$\x07\xff"  # a false header that promises 2047 bytes


def pull(connection: Connection) -> tuple[list[Message], list[ProtocolError]]:
    messages: list[Message] = []
    errors: list[ProtocolError] = []
    while True:
        try:
            message = connection.next_message()
        except ProtocolError as error:
            errors.append(error)
            continue
        if message is None:
            return messages, errors
        messages.append(message)


@pytest.mark.parametrize("header", [b"$$\x00\x00", b"$$\x00\x10", b"$$\x08\x01", b"$$\xff\xff", b"&&A0,", b"&&A7,"])
def test_an_impossible_length_is_no_header(header: bytes) -> None:
    connection = Connection()
    connection.receive_data(header + LOGIN)
    messages, errors = pull(connection)

    assert len(messages) == 1
    assert [error.reason for error in errors] == ["rubbish"]


@pytest.mark.parametrize("header", [b"&&A4090,", b"&&A9999999,", b"&&A12345678,", b"&&,20,", b"&&820,"])
def test_what_only_looks_like_an_ascii_header_is_rubbish(header: bytes) -> None:
    connection = Connection()
    connection.receive_data(header + ASCII)
    messages, errors = pull(connection)

    assert len(messages) == 1
    assert [error.raw for error in errors] == [header]


@pytest.mark.parametrize("size", [17, 18, 2047, 2048])
def test_binary_frames_of_every_allowed_length_are_cut(size: int) -> None:
    (message,) = decode_datagram(build_binary(b"$$", "1234", "AA00", b"\n" * (size - 17))).messages

    assert isinstance(message, Unknown)
    assert len(message.raw) == size


def test_the_longest_ascii_frame_is_cut() -> None:
    frame = build_ascii(b"&&", "A", "1234", "710", b"\r\n" * 2036 + b"&&x")
    (message,) = decode_datagram(frame).messages

    assert len(frame) == 4096
    assert message.raw == frame


def test_no_frame_is_built_that_nobody_would_cut() -> None:
    with pytest.raises(ValueError, match="2048"):
        build_binary(b"$$", "1", "AA00", bytes(2032))
    with pytest.raises(ValueError, match="4096"):
        build_ascii(b"&&", "A", "123", "710", bytes(4085))


def test_end_marks_and_bars_inside_data_do_not_cut() -> None:
    frame = build_binary(b"$$", "1234", "AA00", b"\r\n|$$\x00\x11&&A20,\r\n")
    connection = Connection()
    connection.receive_data(frame * 3)
    messages, errors = pull(connection)

    assert [message.raw for message in messages] == [frame] * 3
    assert errors == []


def test_a_false_header_does_not_decide_the_dialect() -> None:
    connection = Connection()
    connection.receive_data(b"$$\x00\x20" + b"x" * 40 + ASCII)
    messages, errors = pull(connection)

    assert [message.dialect for message in messages] == ["ascii"]
    assert [error.reason for error in errors] == ["rubbish"]
    assert connection.dialect == "ascii"


def test_no_dialect_is_claimed_when_the_first_header_proves_false() -> None:
    connection = Connection()
    connection.receive_data(b"$$\x00\x20")
    pull(connection)
    while_waiting = connection.dialect
    connection.receive_data(b"x" * 28)
    pull(connection)

    assert while_waiting == "binary"
    assert connection.dialect is None


def test_frames_behind_a_false_header_come_when_it_proves_false() -> None:
    connection = Connection()
    connection.receive_data(LONG_WAIT + LOGIN)
    waiting = pull(connection)
    connection.receive_data(LOGIN * 130)
    messages, errors = pull(connection)

    assert waiting == ([], [])
    assert len(messages) == 131
    assert [error.raw for error in errors] == [LONG_WAIT]


def test_the_end_of_a_stream_shows_frames_behind_a_false_header() -> None:
    connection = Connection()
    connection.receive_data(LONG_WAIT + LOGIN + LOGIN[:9])
    connection.receive_eof()
    messages, errors = pull(connection)

    assert len(messages) == 1
    assert [type(error) for error in errors] == [RubbishError, FrameError]
    assert errors[1].raw == LOGIN[:9]


def test_the_report_of_too_much_rubbish_is_bounded() -> None:
    connection = Connection(max_rubbish_bytes=100)
    connection.receive_data(b"x" * 5000)
    messages, (error,) = pull(connection)

    assert messages == []
    assert error.closes_stream
    assert error.raw == b"x" * 100
    assert "more than 100" in str(error)
    assert connection.finish() is None


def test_heartbeats_alone_are_never_rubbish() -> None:
    connection = Connection(max_rubbish_bytes=100)
    for _ in range(50):
        connection.receive_data(bytes(100))
        assert pull(connection) == ([], [])

    assert connection.heartbeats == 5000
    assert connection.buffered_bytes == 0


def test_what_a_stream_leaves_behind_is_one_error_with_its_bytes() -> None:
    connection = Connection()
    connection.receive_data(b"\0rubbish" + LOGIN[:9])
    pull(connection)
    left = connection.finish()
    connection.receive_data(LOGIN)

    assert isinstance(left, FrameError)
    assert left.raw == b"rubbish" + LOGIN[:9]
    assert connection.next_message() is None
    assert connection.finish() is None


def test_bytes_count_as_buffered_until_they_are_read() -> None:
    connection = Connection()
    connection.receive_data(LOGIN)
    connection.receive_data(LOGIN[:5])
    before = connection.buffered_bytes
    pull(connection)

    assert before == len(LOGIN) + 5
    assert connection.buffered_bytes == 5


def test_memory_is_given_back_when_all_is_read() -> None:
    connection = Connection()
    connection.receive_data(LOGIN * 4000 + LOGIN[:5])
    pull(connection)

    assert len(connection._buffer._data) == 5


@pytest.mark.parametrize("junk", [b"$", b"&&", b"$$\x00", b"$$\x08\x00", LONG_WAIT, b"&&A4000,", b"&&A1234567", b"$&"])
def test_any_amount_of_false_headers_leaves_a_bounded_buffer(junk: bytes) -> None:
    connection = Connection(max_rubbish_bytes=1 << 30)
    piece = junk * (65_536 // len(junk))
    for _ in range(8):
        connection.receive_data(piece)
        assert pull(connection) == ([], [])
        assert connection.buffered_bytes <= 4096


PARTS = st.sampled_from(
    [
        LOGIN,
        ASCII,
        b"\0",
        b"\0\0",
        b"$",
        b"$$",
        b"&",
        b"&&A",
        b"&&A20",
        b"\r\n",
        b"text",
        b"$$\x00\x15",
        b"a\0b",
        LOGIN[:8],
    ]
)


@settings(deadline=None)
@given(st.lists(PARTS, max_size=30), st.data())
def test_rubbish_frames_and_heartbeats_are_the_same_however_the_bytes_arrive(
    parts: list[bytes], data: st.DataObject
) -> None:
    stream = b"".join(parts)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=12)))
    results = []
    for edges in ([0, len(stream)], [0, *cuts, len(stream)], list(range(len(stream) + 1))):
        connection = Connection(max_rubbish_bytes=40)
        messages: list[Message] = []
        errors: list[ProtocolError] = []
        for start, end in pairwise(edges):
            connection.receive_data(stream[start:end])
            found = pull(connection)
            messages += found[0]
            errors += found[1]
        connection.receive_eof()
        found = pull(connection)
        told = [(type(error), str(error), error.raw, error.closes_stream) for error in errors + found[1]]
        closed = any(error.closes_stream for error in errors)  # what comes later is not counted
        results.append((messages + found[0], told, 0 if closed else connection.heartbeats))

    assert results[0] == results[1] == results[2]
