"""decode(encode(x)) is x again, however the bytes arrive; and no bytes break the codec."""

from dataclasses import fields
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import ascii_reports, binary_reports

from vt600_protocol import PositionReport, decode_datagram, encode_report

if TYPE_CHECKING:
    from conftest import Feed

calm = settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow], deadline=None)


def described(report: object) -> dict[str, object]:
    """All fields but those that only decoding fills."""
    assert isinstance(report, PositionReport)
    return {field.name: getattr(report, field.name) for field in fields(report) if field.name not in ("raw", "content")}


def only_message(data: bytes) -> object:
    datagram = decode_datagram(data)
    assert datagram.errors == ()
    assert len(datagram.messages) == 1
    return datagram.messages[0]


@calm
@given(binary_reports())
def test_a_binary_report_comes_back_as_it_was(report: PositionReport) -> None:
    assert described(only_message(encode_report(report))) == described(report)


@calm
@given(ascii_reports())
def test_an_ascii_report_comes_back_as_it_was(report: PositionReport) -> None:
    assert described(only_message(encode_report(report))) == described(report)


@calm
@given(st.lists(binary_reports() | binary_reports(), min_size=1, max_size=4), st.data())
def test_a_stream_reads_the_same_however_it_is_cut(
    feed: "Feed", reports: list[PositionReport], data: st.DataObject
) -> None:
    stream = b"\0".join(encode_report(report) for report in reports)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]

    assert feed("server", pieces) == feed("server", [stream])


@calm
@given(binary_reports(), st.integers(0), st.integers(1, 255))
def test_a_changed_byte_never_gives_another_message(report: PositionReport, place: int, flip: int) -> None:
    frame = bytearray(encode_report(report))
    frame[place % len(frame)] ^= flip
    found = decode_datagram(bytes(frame)).messages

    assert found == ()
