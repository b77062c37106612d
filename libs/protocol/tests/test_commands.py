"""Commands: built from names and arguments, encoded in both dialects, read and answered by a device."""

from typing import Any

import pytest

from vt600_protocol import (
    Answer,
    Command,
    CommandError,
    CommandFrame,
    CommandReply,
    CompressedRecords,
    Confirmation,
    Dialect,
    Identify,
    Identity,
    PositionReport,
    RequestPosition,
    Restart,
    SetImmobiliser,
    SetInterval,
    SetOutput,
    build_command,
    decode_datagram,
    encode_command,
    encode_confirmation,
    encode_reply,
)
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary
from vt600_protocol.commands.alarms import SetFence, SetSpeedLimit
from vt600_protocol.commands.reporting import SetHeadingReport
from vt600_protocol.commands.unit import SetSleepLevel
from vt600_protocol.commands.vehicle import ReadTemperatures

ID: dict[Dialect, str] = {"binary": "143190975469", "ascii": "865429043319537"}
BOTH: list[Command] = [
    RequestPosition(),
    SetInterval(interval_s=60),
    SetOutput(output=2, on=True),
    SetOutput(output=5, on=False, safe_speed_kmh=20),
    Identify(),
    Restart(part="gps"),
]


def received(payload: bytes) -> CommandFrame:
    (message,) = decode_datagram(payload, "device").messages
    assert isinstance(message, CommandFrame)
    return message


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
@pytest.mark.parametrize("command", BOTH, ids=repr)
def test_a_device_reads_the_command_that_was_encoded(command: Command, dialect: Dialect) -> None:
    encoded = encode_command(command, device_id=ID[dialect], dialect=dialect, packet_no="Q")
    frame = received(encoded.payload)

    assert frame.command == command
    assert frame.device_id == ID[dialect]
    assert frame.packet_no == encoded.packet_no == ("Q" if dialect == "ascii" else None)


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_the_immobiliser_is_output_1_with_the_units_own_interlock_when_it_cuts(dialect: Dialect) -> None:
    cut = encode_command(SetImmobiliser(engaged=True), device_id=ID[dialect], dialect=dialect)
    restore = encode_command(SetImmobiliser(engaged=False), device_id=ID[dialect], dialect=dialect)

    assert received(cut.payload).command == SetOutput(output=1, on=True, safe_speed_kmh=10)
    assert received(restore.payload).command == SetOutput(output=1, on=False)


def test_the_interval_is_sent_in_steps_of_ten_seconds() -> None:
    encoded = encode_command(SetInterval(interval_s=100), device_id="123456", dialect="binary")

    assert encoded.payload.hex().upper().startswith("40400013123456FFFFFFFF4102000A")
    assert encoded.reply_code == "5100"


@pytest.mark.parametrize(
    ("command", "dialect", "device_id", "published"),
    [
        (RequestPosition(), "binary", "12345678901234", "404000111234567890123441016CF70D0A"),
        (SetInterval(interval_s=100), "binary", "12345678901234", "40400013123456789012344102000A2F4F0D0A"),
        (SetOutput(output=1, on=True), "ascii", "123456789012345", b"$$:24,123456789012345,900,1,19F\r\n".hex()),
    ],
)
def test_a_published_command_frame_is_what_we_encode(
    command: Command, dialect: Dialect, device_id: str, published: str
) -> None:
    encoded = encode_command(command, device_id=device_id, dialect=dialect)

    assert encoded.payload == bytes.fromhex(published)
    assert received(bytes.fromhex(published)).command == command


def test_the_restart_of_the_receiver_has_the_crc_that_the_document_should_have_printed() -> None:
    encoded = encode_command(Restart(part="gps"), device_id="123456", dialect="binary")

    assert encoded.payload[-4:-2].hex().upper() == "DE13"


def test_a_published_output_command_of_one_byte_is_read() -> None:
    frame = received(bytes.fromhex("40400012123456FFFFFFFF411401511C0D0A"))

    assert frame.command == SetOutput(output=1, on=True, safe_speed_kmh=10)


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
@pytest.mark.parametrize("ok", [True, False])
def test_a_reply_names_the_command_it_answers_and_the_devices_yes_or_no(dialect: Dialect, ok: bool) -> None:
    for command in (SetInterval(interval_s=60), SetOutput(output=1, on=True), Restart()):
        encoded = encode_command(command, device_id=ID[dialect], dialect=dialect, packet_no="x")
        (reply,) = decode_datagram(encode_reply(received(encoded.payload), Answer(ok=ok))).messages

        assert isinstance(reply, CommandReply)
        assert (reply.code, reply.answers, reply.ok) == (encoded.reply_code, encoded.code, ok)
        assert reply.packet_no == encoded.packet_no
        assert (reply.reason is None) == ok


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_an_identity_is_a_reply_with_values(dialect: Dialect) -> None:
    encoded = encode_command(Identify(), device_id=ID[dialect], dialect=dialect)
    identity = Identity(serial_number="3037815059", imei="353358011018145", firmware="V1.45-N")
    answer = encode_reply(received(encoded.payload), Answer(values=identity))
    (reply,) = decode_datagram(answer).messages

    assert isinstance(reply, CommandReply)
    assert reply.ok is None
    assert reply.values == identity
    assert reply.text == "3037815059,353358011018145,V1.45-N"


@pytest.mark.parametrize("code", ["010", "020"])
def test_a_confirmation_repeats_the_packet_number(code: str) -> None:
    content = b"0,,211103013512,A,22.679003,114.045085,16,1.1,0,271,76,109075,460|0|249F|10C5,19,3E,00,00,0A57|0168"
    (message,) = decode_datagram(build_ascii(b"&&", "W", ID["ascii"], code, content)).messages
    assert isinstance(message, PositionReport | CompressedRecords)
    (answer,) = decode_datagram(encode_confirmation(message), "device").messages

    assert isinstance(answer, Confirmation)
    assert (answer.code, answer.packet_no, answer.device_id) == (code, "W", ID["ascii"])


@pytest.mark.parametrize(
    ("name", "args", "argument"),
    [
        ("fly", {}, "type"),
        ("set_interval", {}, "interval_s"),
        ("set_interval", {"interval_s": 700_000}, "interval_s"),
        ("set_interval", {"interval_s": True}, "interval_s"),
        ("set_interval", {"interval_s": "60"}, "interval_s"),
        ("set_output", {"output": 17, "on": True}, "output"),
        ("set_output", {"output": 1, "on": 1}, "on"),
        ("set_output", {"output": 1, "on": True, "colour": "red"}, "colour"),
        ("restart", {"part": "engine"}, "part"),
        ("set_output", {"output": 1, "on": True, "safe_speed_kmh": 0}, "safe_speed_kmh"),
        ("set_immobiliser", {"engaged": True, "safe_speed_kmh": None}, "safe_speed_kmh"),
    ],
)
def test_a_wrong_argument_is_named(name: str, args: dict[str, Any], argument: str) -> None:
    with pytest.raises(CommandError) as caught:
        build_command(name, args)

    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("command", "dialect", "device_id", "packet_no", "argument"),
    [
        (SetInterval(interval_s=15), "binary", "1234", ":", "interval_s"),
        (SetOutput(output=1, on=True, safe_speed_kmh=30), "binary", "1234", ":", "safe_speed_kmh"),
        (Restart(part="device"), "binary", "1234", ":", "part"),
        (Identify(), "binary", "not digits", ":", "device_id"),
        (Identify(), "ascii", "123456", "!", "packet_no"),
        (Identify(), "ascii", "123456", "::", "packet_no"),
        (Identify(), "ascii", "12", ":", "device_id"),
        (Identify(), "ascii", "12345é", ":", "device_id"),
        (Identify(), "binary", "", ":", "device_id"),
        (SetOutput(output=6, on=True), "binary", "1234", ":", "output"),
        (SetInterval(interval_s=70_000), "ascii", "1234", ":", "interval_s"),
        (SetInterval(interval_s=60, server=2), "binary", "1234", ":", "server"),
        (SetInterval(interval_s=60, stopped_s=60), "binary", "1234", ":", "stopped_s"),
    ],
)
def test_what_a_dialect_cannot_say_is_refused(
    command: Command, dialect: Dialect, device_id: str, packet_no: str, argument: str
) -> None:
    with pytest.raises(CommandError) as caught:
        encode_command(command, device_id=device_id, dialect=dialect, packet_no=packet_no)

    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("4102", b"\x01"),
        ("4105", b"\xff"),
        ("4106", b"\x09"),
        ("4106", b""),
        ("4106", b"\0" * 5),
        ("4108", b"\x01" * 9),
        ("4108", b"\x02" * 10),
        ("4115", b"\x01\x03"),
        ("4115", b"\x01\x00\x01"),
        ("4116", b"12x"),
        ("4302", b"22.5,114.1,100"),
        ("4302", b"22.5,114.1,100,2,1"),
        ("4302", b"22.5,,100,1,1"),
        ("9016", b"\x01\x02\x01\x01"),
        ("9016", b"\x01\x02\x00\x02"),
        ("9016", b"\x01"),
    ],
)
def test_a_binary_command_laid_out_in_another_way_is_not_obeyed(code: str, data: bytes) -> None:
    assert received(build_binary(b"@@", "1234", code, data)).command is None


@pytest.mark.parametrize(
    ("code", "data"),
    [
        ("100", b"3,host,80"),
        ("100", b"1,host"),
        ("102", b"x"),
        ("103", b"2"),
        ("136", b"1,hot,2"),
        ("992", b"\0\0\0\0\0\x05abc"),
        ("992", b"\0\0"),
        ("993", b"\0"),
    ],
)
def test_an_ascii_command_laid_out_in_another_way_is_not_obeyed(code: str, data: bytes) -> None:
    assert received(build_ascii(b"$$", ":", "123456", code, data)).command is None


@pytest.mark.parametrize(
    ("command", "dialect", "argument"),
    [
        (ReadTemperatures(), "binary", "type"),
        (SetSleepLevel(level=1), "ascii", "type"),
        (SetOutput(output=6, on=True), "binary", "output"),
        (SetOutput(output=1, on=True, duration_ms=500), "binary", "duration_ms"),
        (SetSpeedLimit(speed_kmh=115), "binary", "speed_kmh"),
        (SetSpeedLimit(speed_kmh=210), "binary", "speed_kmh"),
        (SetFence(alarm="both", radius_m=100), "binary", "latitude"),
        (SetHeadingReport(angle_deg=200), "ascii", "angle_deg"),
    ],
)
def test_what_only_one_dialect_can_say_is_refused_by_the_other(
    command: Command, dialect: Dialect, argument: str
) -> None:
    with pytest.raises(CommandError) as caught:
        encode_command(command, device_id=ID[dialect], dialect=dialect)

    assert caught.value.argument == argument


@pytest.mark.parametrize(
    ("name", "args", "argument"),
    [
        ("set_fence", {"alarm": "both", "latitude": 1.5}, "longitude"),
        ("set_fence", {"alarm": "both", "longitude": 1.5}, "latitude"),
        ("set_outputs", {"states": ["on", "keep", "keep"]}, "states"),
        ("set_outputs", {"states": ["on", "off", "keep"]}, "states"),
        ("set_outputs", {"states": "on"}, "states"),
    ],
)
def test_arguments_that_do_not_go_together_are_refused(name: str, args: dict[str, Any], argument: str) -> None:
    with pytest.raises(CommandError) as caught:
        build_command(name, args)

    assert caught.value.argument == argument


def test_commands_that_are_not_known_reach_the_device_as_such() -> None:
    for frame in (
        build_binary(b"@@", "1234", "4399", b""),
        build_binary(b"@@", "1234", "4351", b"x"),
        build_binary(b"@@", "1234", "4115", b"\2\2\2\2\2"),
        build_ascii(b"$$", ":", "123456", "699", b"5"),
        build_ascii(b"$$", ":", "123456", "900", b"x,1"),
    ):
        assert received(frame).command is None
