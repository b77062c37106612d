"""Datagrams: whole frames, nothing carried over, nothing hidden."""

from vt600_protocol import HEARTBEAT, Login, decode_datagram, encode_login

LOGIN = encode_login("143190975469")
LONG_WAIT = b"$$\x07\xff"  # a false header that promises 2047 bytes


def test_several_frames_and_heartbeats_of_one_datagram_all_count() -> None:
    datagram = decode_datagram(HEARTBEAT + LOGIN + HEARTBEAT + LOGIN)

    assert [message.raw for message in datagram.messages] == [LOGIN, LOGIN]
    assert datagram.errors == ()
    assert datagram.heartbeats == 2


def test_an_empty_datagram_holds_nothing() -> None:
    datagram = decode_datagram(b"")

    assert (datagram.messages, datagram.errors, datagram.heartbeats) == ((), (), 0)


def test_a_datagram_hides_no_frame_behind_a_false_header_and_carries_nothing_over() -> None:
    datagram = decode_datagram(LONG_WAIT + LOGIN + LOGIN[:9])

    assert [type(message) for message in datagram.messages] == [Login]
    assert [error.reason for error in datagram.errors] == ["rubbish", "frame"]
    assert decode_datagram(LOGIN[9:]).messages == ()


def test_a_large_datagram_of_rubbish_is_one_error() -> None:
    datagram = decode_datagram(b"x" * 65_000)

    assert [error.reason for error in datagram.errors] == ["rubbish"]
    assert not datagram.errors[0].closes_stream
