"""Replies: what a device answers is read as it was written, and what it says of itself is told apart from values."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vt600_protocol import (
    Answer,
    ButtonPhones,
    CameraResults,
    CardStates,
    CommandFrame,
    CommandReply,
    Dialect,
    FirmwareOffer,
    FirmwarePart,
    Identity,
    IntervalSetting,
    Parameters,
    PhotoBytes,
    PhotoList,
    ReplyValues,
    SensorTemperature,
    SimCard,
    Temperatures,
    UnitStatus,
    decode_datagram,
    encode_reply,
)
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary
from vt600_protocol.command_types import TABLES
from vt600_protocol.replies import CameraResult, CardState

_word = st.from_regex(r"[A-Za-z0-9.]{1,16}", fullmatch=True)
_phone = st.from_regex(r"[0-9]{0,16}", fullmatch=True)
_tenths = st.integers(-400, 1500).map(lambda value: value / 10)
_flag = st.sampled_from(("yes", "no", "not_authorised"))
_uint16, _uint32 = st.integers(0, 0xFFFF), st.integers(0, 0xFFFF_FFFF)

_identity = st.builds(Identity, serial_number=_word, imei=_word, firmware=_word)
_interval = st.builds(IntervalSetting, interval_s=_uint16.map(lambda steps: steps * 10))
_readings = st.lists(st.builds(SensorTemperature, sensor=st.integers(1, 8), celsius=_tenths), max_size=8).map(tuple)
_cards = st.lists(st.builds(CardState, card=_word, authorised=st.booleans()), min_size=1, max_size=5).map(tuple)
_cameras = st.lists(st.builds(CameraResult, camera=st.integers(1, 4), ok=st.booleans()), max_size=4).map(tuple)
_photo = st.builds(PhotoBytes, name=_word, offset=_uint32, size=_uint16, data=st.binary(max_size=64))
_status = st.builds(
    UnitStatus,
    status=_uint32,
    inputs=st.integers(0, 255),
    outputs=st.integers(0, 255),
    csq=st.integers(0, 31),
    satellites=st.integers(0, 40),
    battery_v=st.integers(0, 999).map(lambda value: value / 100),
    external_v=st.integers(0, 9999).map(lambda value: value / 100),
)

# Dialect, code of the command → its answers.
_ANSWERS: dict[tuple[Dialect, str], st.SearchStrategy[ReplyValues]] = {
    ("binary", "4102"): _interval,
    ("binary", "9001"): _identity,
    ("binary", "9002"): _interval,
    ("binary", "9003"): st.builds(ButtonPhones, sms_phone=_phone, call_phone=_phone),
    ("ascii", "137"): st.builds(Temperatures, readings=_readings),
    ("ascii", "146"): st.builds(CardStates, cards=_cards),
    ("ascii", "262"): st.builds(CameraResults, cameras=_cameras),
    ("ascii", "263"): st.builds(
        PhotoList, names=st.lists(_word.map(lambda name: f"{name}.jpg"), max_size=5).map(tuple)
    ),
    ("ascii", "265"): _photo,
    ("ascii", "801"): _identity,
    ("ascii", "802"): _status,
    ("ascii", "803"): st.builds(SimCard, ccid=st.from_regex(r"[0-9]{19,20}", fullmatch=True)),
    ("ascii", "808"): st.builds(Parameters, code=st.just("102"), values=st.lists(_word, max_size=3).map(tuple)),
    ("ascii", "990"): st.builds(FirmwareOffer, flag=_flag, code=_uint16, packet_bytes=_uint16, version=_word),
    ("ascii", "992"): st.builds(FirmwarePart, offset=_uint32, size=_uint16, flag=_flag),
}
_PLAIN: list[tuple[Dialect, str]] = [
    (dialect, code) for dialect, table in TABLES.items() for code, _ in table.replies.values()
]


def asked(dialect: Dialect, code: str) -> CommandFrame:
    """A command as a device received it."""
    device_id = "143190975469" if dialect == "binary" else "865429043319537"
    packet_no = None if dialect == "binary" else "Q"
    return CommandFrame(
        dialect=dialect, device_id=device_id, code=code, packet_no=packet_no, raw=b"", content=b"", command=None
    )


def read_back(frame: CommandFrame, answer: Answer) -> CommandReply:
    (reply,) = decode_datagram(encode_reply(frame, answer)).messages
    assert isinstance(reply, CommandReply)
    assert (reply.answers, reply.packet_no) == (frame.code, frame.packet_no)
    return reply


def test_every_reply_with_values_is_tested() -> None:
    with_values = {
        (dialect, code)
        for dialect, table in TABLES.items()
        for code, form in table.replies.values()
        if form.carries_values
    }

    assert with_values == _ANSWERS.keys()


@pytest.mark.parametrize(("dialect", "code"), _ANSWERS)
@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_values_come_back_as_they_were(dialect: Dialect, code: str, data: st.DataObject) -> None:
    values = data.draw(_ANSWERS[dialect, code])
    flag = getattr(values, "flag", "yes" if code == "4102" else None)
    answer = Answer(ok=None if flag is None else flag == "yes", values=values)
    reply = read_back(asked(dialect, code), answer)

    assert reply.values == values
    assert reply.ok == answer.ok
    assert (reply.reason is None) == (answer.ok is not False)


@pytest.mark.parametrize(("dialect", "code"), _PLAIN)
@pytest.mark.parametrize("ok", [True, False])
def test_any_command_may_be_answered_with_yes_or_no(dialect: Dialect, code: str, ok: bool) -> None:
    reply = read_back(asked(dialect, code), Answer(ok=ok))

    assert (reply.ok, reply.values) == (ok, None)
    assert (reply.reason is None) == ok


@pytest.mark.parametrize("code", ["990", "991", "992", "993", "994", "995"])
@pytest.mark.parametrize(
    ("data", "ok", "reason"),
    [
        (b"\x01", True, None),
        (b"\x00", False, "no"),
        (b"\xff", False, "not_authorised"),
        (b"\x07", None, None),
        (b"", None, None),
    ],
)
def test_firmware_is_answered_with_a_flag(code: str, data: bytes, ok: bool | None, reason: str | None) -> None:
    (reply,) = decode_datagram(build_ascii(b"&&", "A", "123456", code, data)).messages

    assert isinstance(reply, CommandReply)
    assert (reply.ok, reply.reason, reply.values) == (ok, reason, None)


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("137", b"1:hot"),
        ("137", b"x:29.0"),
        ("146", b""),
        ("146", b"123:yes"),
        ("262", b"1:maybe"),
        ("265", b"a.jpg,x,1,bytes"),
        ("265", b"a.jpg"),
        ("801", b"1,2"),
        ("802", b"3E,00,00,19,x,3.8,12.1"),
        ("802", b"3E,00"),
        ("803", b""),
        ("808", b""),
        ("808", b"all,1"),
    ],
)
def test_a_reply_of_another_form_keeps_its_text(code: str, data: bytes) -> None:
    (reply,) = decode_datagram(build_ascii(b"&&", "A", "123456", code, data)).messages

    assert isinstance(reply, CommandReply)
    assert (reply.ok, reply.values, reply.text) == (None, None, data.decode())


@pytest.mark.parametrize(
    ("code", "data"), [("9001", b"1,2"), ("9002", b"\1\2\3"), ("9003", b"x" * 31), ("9001", b"\x05")]
)
def test_a_binary_reply_of_another_form_has_no_values(code: str, data: bytes) -> None:
    (reply,) = decode_datagram(build_binary(b"$$", "1234", code, data)).messages

    assert isinstance(reply, CommandReply)
    assert (reply.ok, reply.values) == (None, None)


def test_an_interval_reply_without_its_interval_is_a_yes() -> None:
    (reply,) = decode_datagram(build_binary(b"$$", "1234", "5100", b"\x01")).messages

    assert isinstance(reply, CommandReply)
    assert (reply.answers, reply.ok, reply.values) == ("4102", True, None)


@pytest.mark.parametrize(
    ("dialect", "code", "answer"),
    [
        ("binary", "4115", Answer()),
        ("ascii", "123", Answer()),
        ("ascii", "994", Answer()),
        ("ascii", "801", Answer(values=SimCard(ccid="1"))),
        ("binary", "9001", Answer(values=SimCard(ccid="1"))),
    ],
)
def test_an_answer_that_a_command_does_not_have_is_refused(dialect: Dialect, code: str, answer: Answer) -> None:
    with pytest.raises(ValueError, match="this reply"):
        encode_reply(asked(dialect, code), answer)
