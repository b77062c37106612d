"""What units send beside positions, and what a server answers: back as it was, in every field."""

from dataclasses import fields, replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from strategies import binary_ids, binary_reports, maybe, on_grid, times

from vt600_protocol import (
    CardReport,
    CompressedRecords,
    EngineReport,
    EngineTotals,
    Heartbeat,
    HeartbeatReply,
    LoggedPosition,
    Login,
    Message,
    PhotoEnd,
    PhotoPart,
    PhotoReply,
    PhotoStart,
    PositionReport,
    SerialData,
    ServerAddress,
    ServerQuery,
    StoredRecords,
    TroubleCode,
    TroubleCodeReport,
    Unknown,
    decode_datagram,
    encode_heartbeat_reply,
    encode_photo_reply,
    encode_server_address,
    encode_uplink,
)
from vt600_protocol.ascii.framing import build as build_ascii

calm = settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
_byte, _uint16 = st.integers(0, 255), st.integers(0, 0xFFFF)
_numbers = st.none() | st.integers(-(10**6), 10**6).map(lambda value: value / 100)
_DECODED_ONLY = ("raw", "content")


def described(message: object) -> object:
    """All fields but those that only decoding fills."""
    if isinstance(message, Message):
        names = [field.name for field in fields(message) if field.name not in _DECODED_ONLY]
        return type(message), {name: described(getattr(message, name)) for name in names}
    return tuple(map(described, message)) if isinstance(message, tuple) else message


def sent(kind: type[Message], code: str, **values: Any) -> Message:
    """A message as a binary unit makes it."""
    head = {"dialect": "binary", "device_id": "143190975469", "packet_no": None, "raw": b"", "content": b""}
    return kind(**head, code=code, **values)  # type: ignore[arg-type]


def only_message(data: bytes, role: Any = "server") -> Message:
    datagram = decode_datagram(data, role)
    assert datagram.errors == ()
    (message,) = datagram.messages
    return message


def comes_back(message: Message) -> None:
    assert described(only_message(encode_uplink(message))) == described(message)


def _inside(report: PositionReport, code: str, **changes: Any) -> PositionReport:
    """The report as part of another message of the same unit."""
    return replace(report, code=code, device_id="143190975469", driver_text=None, **changes)


def _record(report: PositionReport) -> PositionReport:
    return _inside(report, "6688", event_code=report.event_code or 0)


@calm
@given(st.lists(binary_reports().map(_record), min_size=1, max_size=4))
def test_stored_records(records: list[PositionReport]) -> None:
    comes_back(sent(StoredRecords, "6688", records=tuple(records)))


def test_a_frame_of_stored_records_reads_each_with_the_bytes_of_its_own() -> None:
    rmc = b"%06d.000,A,0753.5383,N,09822.1778,E,0.00,0,200120,,*13|0.0|0|2400|0000,0000"
    parts = [bytes([code]) + rmc % time for code, time in ((0, 104641), (0x50, 104651), (0x99, 104701))]
    frame = encode_uplink(replace(sent(Unknown, "6688"), content=b"\x03" + b"\\".join(parts)))
    message = only_message(frame)

    assert isinstance(message, StoredRecords)
    assert [record.content for record in message.records] == parts
    assert [record.event for record in message.records] == ["interval", "power_cut", None]
    assert [record.is_alarm for record in message.records] == [False, True, True]
    assert {record.raw for record in message.records} == {frame}


@calm
@given(binary_reports(), _byte, _byte, st.integers(0, 0xFFFF_FFFF))
def test_a_logged_position(report: PositionReport, device_random: int, server_random: int, stored: int) -> None:
    logged = _inside(report, "9016", event="logged", event_code=None, event_data=None, is_alarm=False)
    values = {"answers": "9016", "ok": None, "reason": None, "values": None, "records_stored": stored}
    message = sent(
        LoggedPosition,
        "9016",
        device_random=device_random,
        server_random=server_random,
        report=logged,
        text="",
        **values,
    )
    found = only_message(encode_uplink(message))

    assert isinstance(found, LoggedPosition)
    assert described(replace(found, text="")) == described(message)


@calm
@given(
    st.lists(st.integers(0, 0xFFFF_FFFF), min_size=15, max_size=15),
    maybe(times),
    maybe(st.tuples(st.integers(-90 * 6_000_000, 90 * 6_000_000), st.integers(-180 * 6_000_000, 180 * 6_000_000))),
)
def test_cards(cards: list[int], time: datetime | None, place: tuple[int, int] | None) -> None:
    comes_back(
        sent(
            CardReport,
            "9966",
            cards=tuple(cards),
            device_time=None if time is None else time.replace(microsecond=0),
            latitude=None if place is None else on_grid(place[0]),
            longitude=None if place is None else on_grid(place[1]),
        )
    )


@pytest.mark.parametrize(("kind", "code"), [(EngineReport, "9901"), (EngineTotals, "9902")])
@calm
@given(data=st.data())
def test_engine_values(kind: type[Message], code: str, data: st.DataObject) -> None:
    names = [field.name for field in fields(kind) if field.name not in Message.__dataclass_fields__]
    comes_back(sent(kind, code, **{name: data.draw(_numbers) for name in names}))


@given(st.lists(st.from_regex(r"[PCBU][0-9A-F]{4}", fullmatch=True), max_size=5))
def test_trouble_codes_as_text(codes: list[str]) -> None:
    comes_back(sent(TroubleCodeReport, "9903", codes=tuple(codes)))


@given(_byte, _uint16, _byte, _byte, st.binary(max_size=1024))
def test_photo_frames(photo: int, total: int, parts: int, part: int, data: bytes) -> None:
    comes_back(sent(PhotoStart, "0800", photo=photo))
    comes_back(sent(PhotoPart, "9988", photo=photo, total_bytes=total, parts=parts, part=part, data=data))
    comes_back(sent(PhotoEnd, "0F80", photo=photo))


@calm
@given(binary_reports(), _byte, _byte)
def test_the_position_of_a_photo(report: PositionReport, photo: int, kind: int) -> None:
    comes_back(
        replace(report, code="9977", event="photo_taken", event_code=kind, event_data=str(photo), is_alarm=False)
    )


@pytest.mark.parametrize(
    ("kind", "code"), [(Login, "5000"), (Heartbeat, "0001"), (ServerQuery, "0002"), (Unknown, "AA00")]
)
@given(device_id=binary_ids)
def test_what_carries_nothing_of_its_own(kind: type[Message], code: str, device_id: str) -> None:
    comes_back(replace(sent(kind, code), device_id=device_id))


@pytest.mark.parametrize(("kind", "code"), [(CompressedRecords, "020"), (SerialData, "710"), (Unknown, "A1b")])
@given(content=st.binary(min_size=1, max_size=200))
def test_any_bytes_pass_through_ascii_frames(kind: type[Message], code: str, content: bytes) -> None:
    message = only_message(build_ascii(b"&&", "A", "865429043319537", code, content))

    assert type(message) is kind
    assert message.content == content
    assert encode_uplink(message) == message.raw


def test_the_answers_of_a_server_reach_a_device() -> None:
    heartbeat, query, start, end = (
        sent(Heartbeat, "0001"),
        sent(ServerQuery, "0002"),
        sent(PhotoStart, "0800", photo=7),
        sent(PhotoEnd, "0F80", photo=7),
    )
    assert isinstance(heartbeat, Heartbeat)
    assert isinstance(query, ServerQuery)
    assert isinstance(start, PhotoStart)
    assert isinstance(end, PhotoEnd)
    answers = [
        only_message(frame, "device")
        for frame in (
            encode_heartbeat_reply(heartbeat),
            encode_server_address(query, address="tracker.example.org:8888"),
            encode_photo_reply(start),
            encode_photo_reply(end),
        )
    ]

    assert [type(answer) for answer in answers] == [HeartbeatReply, ServerAddress, PhotoReply, PhotoReply]
    assert [answer.code for answer in answers] == ["0001", "0002", "8801", "6688"]
    assert getattr(answers[1], "address", None) == "tracker.example.org:8888"
    assert [(getattr(answer, "photo", None), getattr(answer, "complete", None)) for answer in answers[2:]] == [
        (7, False),
        (7, True),
    ]


def report_of(event: str, data: str, tail: str) -> PositionReport:
    fields_of = f"{event},{data},211103013512,A,22.679003,114.045085,16,1.1,0,271,76,109075,460|0|249F|10C5,19,3E,00,00,0A57|0168{tail}"
    message = only_message(build_ascii(b"&&", "W", "865429043319537", "000", fields_of.encode()))
    assert isinstance(message, PositionReport)
    return message


@pytest.mark.parametrize(
    ("data", "codes"),
    [
        ("00019501019602", [TroubleCode(code="P0195", state="solved"), TroubleCode(code="P0196", state="pending")]),
        ("00C12301", [TroubleCode(code="U0123", state="solved")]),
        ("0081E807", [TroubleCode(code="B01E8", state=None)]),
        ("01F40305", [TroubleCode(spn=1012, fmi=5)]),
        ("01F403E5", [TroubleCode(spn=0x703F4, fmi=5)]),
        ("02F40305", []),
        ("000195", []),
        ("", []),
        ("soup", []),
    ],
)
def test_the_trouble_codes_of_event_56(data: str, codes: list[TroubleCode]) -> None:
    assert list(report_of("56", data, "").trouble_codes) == codes
    assert report_of("53", data, "").trouble_codes == ()


@pytest.mark.parametrize(("extras", "seconds"), [(",9490", 9490), (",", None), (",x", None), (",1,2", None)])
def test_the_ignition_time_of_pro_code_129(extras: str, seconds: int | None) -> None:
    report = report_of("37", "", ",129,,," + extras)
    again = only_message(encode_uplink(report))

    assert report.ignition_on_s == seconds
    assert isinstance(again, PositionReport)
    assert (again.ignition_on_s, again.unparsed) == (seconds, report.unparsed)


def test_a_moment_before_the_epoch_of_gps_is_kept_as_it_was_said() -> None:
    frame = build_ascii(b"&&", "A", "1234", "000", b"0,,990822120000,V,,,0,0.0,,,,,,,3E,00,00,0000|0168")
    message = only_message(frame)

    assert isinstance(message, PositionReport)
    assert message.device_time == datetime(1999, 8, 22, 12, tzinfo=UTC)
