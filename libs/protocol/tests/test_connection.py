"""A stream as its reader sees it: messages in order, rubbish told once, half a frame waited for."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from vt600_protocol import (
    Connection,
    FrameError,
    ProtocolError,
    Role,
    RubbishError,
    encode_login,
)
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary

ASCII = build_ascii(b"&&", "A", "1234", "000", b"0,,211103013512,A,22.679003,114.045085,16,1.1")


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
    connection.receive_data(ASCII[:50])

    assert connection.next_message() is None
    assert connection.dialect == "ascii"
    assert connection.buffered_bytes == 50
    connection.receive_eof()
    with pytest.raises(FrameError) as caught:
        connection.next_message()
    assert caught.value.raw == ASCII[:50]
    assert connection.next_message() is None


def test_a_long_stream_in_small_reads_is_forgotten_as_it_is_read() -> None:
    connection = Connection()
    frame = encode_login("1234")
    stream = frame * 20_000
    read = 0
    for at in range(0, len(stream), 4099):
        connection.receive_data(stream[at : at + 4099])
        while connection.next_message() is not None:
            read += 1
            assert len(connection._buffer._data) <= 2 * 4099

    assert read == 20_000


def test_the_dialect_of_a_stream_stays() -> None:
    connection = Connection()
    connection.receive_data(encode_login("1234") + build_ascii(b"&&", "A", "1234", "030", None))
    first = connection.next_message()

    assert first is not None
    assert connection.dialect == "binary"
    assert connection.next_message() is None
    connection.receive_eof()
    with pytest.raises(RubbishError):
        connection.next_message()


@settings(deadline=None)
@given(
    st.lists(
        st.binary(max_size=300) | st.sampled_from([b"$$", b"&&", b"\0", b"\r\n", b"$$\0\x11", b"&&A20,"]), max_size=20
    ),
    st.sampled_from(["server", "device"]),
)
@example([b"$$\x08\x00" * 2000], "server")
@example([b"&&A4000," * 2000], "server")
def test_invariant_4_any_bytes_lead_to_a_message_or_a_protocol_error(pieces: list[bytes], role: Role) -> None:
    connection = Connection(role)
    for piece in [*pieces, None]:
        if piece is None:
            connection.receive_eof()
        else:
            connection.receive_data(piece)
        closed = False
        while not closed:
            try:
                if connection.next_message() is None:
                    break
            except ProtocolError as error:
                closed = error.closes_stream
        assert connection.buffered_bytes <= 4096
        if closed:
            return
