"""Every byte is explained, as the decoder reads it; what is wrong is said; nothing raises."""

import json
import math
from dataclasses import fields
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vt600_protocol import Message, PositionReport, Role, decode_datagram, encode_login
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.tools import Explanation, Finding, Flow, Part, explain
from vt600_protocol.tools.cutting import guess_direction
from vt600_protocol.tools.spelling import bits_text, shown

if TYPE_CHECKING:
    from conftest import Vector

_FILE = Path(__file__).parents[3] / "docs" / "protocol" / "vectors.json"
SAMPLES = {entry["id"]: bytes.fromhex(entry["hex"]) for entry in json.loads(_FILE.read_text())["vectors"]}
POWER_CUT, FUEL, LOGIN = SAMPLES["bin-fam-alarm-50-8621"], SAMPLES["asc-fuel-W149"], SAMPLES["bin-doc-login-istartek"]
COMMAND_BINARY, COMMAND_ASCII = SAMPLES["bin-enc-4102"], SAMPLES["asc-cmd-900"]
ROLES: dict[Flow, Role] = {"up": "server", "down": "device"}

_MARKS = [
    b"$$",
    b"&&",
    b"@@",
    b"\0",
    b"\r\n",
    b",",
    b"|",
    b"*",
    b"$$\0\x11",
    b"@@\0\x12",
    b"$$A20,",
    b"&&A20,",
    b"&&A9999999,",
]


@st.composite
def mutated_samples(draw: st.DrawFn) -> bytes:
    """A sample with some bytes put in, left out or changed."""
    sample = bytearray(draw(st.sampled_from(list(SAMPLES.values()))))
    for _ in range(draw(st.integers(0, 3))):
        at = draw(st.integers(0, len(sample)))
        sample[at : at + draw(st.integers(0, 5))] = draw(st.binary(max_size=4))
    return bytes(sample)


streams = st.lists(st.one_of(st.sampled_from(_MARKS), st.binary(max_size=20), mutated_samples()), max_size=8).map(
    b"".join
)


def parts_of(explanation: Explanation) -> list[Part]:
    return [part for finding in explanation.findings for part in finding.parts]


def only(data: bytes, direction: Flow | None = None) -> Finding:
    """The one finding in the data."""
    (finding,) = explain(data, direction).findings
    return finding


def part(finding: Finding, name: str) -> Part:
    (found,) = (part for part in finding.parts if part.name == name)
    return found


def frame(code: str, data: bytes) -> bytes:
    """A binary uplink."""
    return binary_framing.build(b"$$", "143190975469", code, data)


def ascii_frame(rest: bytes) -> bytes:
    """An ASCII uplink of what follows the first comma."""
    device_id, code, *data = rest.split(b",", 2)
    return ascii_framing.build(b"&&", "A", device_id.decode(), code.decode(), data[0] if data else None)


def check_cover(explanation: Explanation, data: bytes) -> None:
    """Findings, and the parts of findings, lie one behind the other and leave nothing out."""
    at = 0
    for finding in explanation.findings:
        assert finding.offset == at
        for piece in finding.parts:
            assert piece.offset == at
            assert piece.raw == data[at : at + piece.length]
            assert piece.length > 0
            at += piece.length
        assert finding.raw == data[finding.offset : at]
    assert at == len(data)


@given(streams | st.binary(), st.sampled_from([None, "up", "down"]))
def test_any_bytes_are_explained_without_gap_or_overlap(data: bytes, direction: Flow | None) -> None:
    check_cover(explain(data, direction), data)


@given(streams, st.sampled_from(["up", "down"]))
def test_what_is_good_is_what_a_receiver_takes(data: bytes, direction: Flow) -> None:
    explanation = explain(data, direction)
    received = decode_datagram(data, ROLES[direction])
    good = [finding for finding in explanation.findings if finding.kind == "frame" and not finding.problems]

    assert [finding.raw for finding in good] == [message.raw for message in received.messages]
    assert explanation.is_good == (not received.errors)
    for finding, message in zip(good, received.messages, strict=True):
        check_values(finding, message)


def check_values(finding: Finding, message: Message) -> None:
    """Every value that a part shows of a field is the message's, and every field of a report that has a value is shown."""
    records = (*getattr(message, "records", ()), *filter(None, [getattr(message, "report", None)]))
    values = [{field.name: shown(getattr(of, field.name)) for field in fields(of)} for of in (message, *records)]
    told = {piece.field for piece in finding.parts if piece.field is not None}
    assert finding.device_id == (message.device_id or None)
    for piece in finding.parts:
        if piece.field is not None:
            assert piece.value in [of[piece.field] for of in values if piece.field in of], piece.name
    if isinstance(message, PositionReport):
        silent = {"dialect", "raw", "content", "is_alarm", "confirm", "unparsed", "packet_no", "code", "event"}
        follows = {"inputs", "outputs", "external_power", "external_v", "battery_v", "stored", "event_data", "obd"}
        missing = {name for name, value in values[0].items() if value is not None and name not in told}
        assert missing <= silent | follows | {"trouble_codes"}


def test_a_vector_is_explained_as_it_is_decoded(vector: "Vector") -> None:
    direction: Flow = "up" if vector.role == "server" else "down"
    explanation = explain(vector.raw, direction)
    received = decode_datagram(vector.raw, vector.role)
    good = [finding for finding in explanation.findings if finding.kind == "frame" and not finding.problems]

    check_cover(explanation, vector.raw)
    assert explanation.is_good == (not received.errors)
    assert [finding.raw for finding in good] == [message.raw for message in received.messages]
    for finding, message in zip(good, received.messages, strict=True):
        check_values(finding, message)
    assert explain(vector.raw) == explanation, "the header alone tells the direction"
    assert guess_direction(vector.raw) == direction


def test_a_vector_s_parts_say_what_the_vector_says(vector: "Vector") -> None:
    """The values against docs/protocol/vectors.json, which was made by another decoder."""
    explanation = explain(vector.raw)
    frames = [finding for finding in explanation.findings if finding.kind == "frame"]
    for finding, expected in zip(frames, vector.expected, strict=False):
        assert part(finding, "identity").value == expected["device_id"]
        assert part(finding, "command").value == expected["command"].removeprefix("0x")
        position = expected.get("position") or expected
        values = {piece.field: piece.value for piece in finding.parts if piece.field}
        if "latitude" not in position or "latitude" not in values:
            continue
        for name in ("latitude", "longitude", "speed_kmh", "course_deg", "hdop", "odometer_m", "satellites", "csq"):
            found, wanted = values.get(name), position[name]
            same = found == wanted or math.isclose(float(str(found)), float(wanted), abs_tol=0.001)
            assert same, (name, found, wanted)


def test_the_worked_binary_example_is_cut_as_the_spec_does() -> None:
    finding = only(SAMPLES["bin-vt600-alarm-03"])
    found = [(piece.name, piece.raw, piece.value, piece.section) for piece in finding.parts]

    assert (finding.title, finding.direction, finding.dialect, finding.problems) == (
        "position report",
        "up",
        "binary",
        (),
    )
    assert found[:6] == [
        ("header", b"$$", "$$", "§3.1"),
        ("length", b"\0\x8d", 141, "§3.1"),
        ("identity", bytes.fromhex("143190975469FF"), "143190975469", "§3.3"),
        ("command", b"\x99\x99", "9999", "§3.4"),
        ("alarm code", b"\x03", 3, "§3.7"),
        ("time UTC", b"104641.000,", datetime.fromisoformat("2020-01-20T10:46:41Z"), "§3.6"),
    ]
    assert [name for name, *_ in found[6:]] == [
        *(
            "fix",
            "latitude",
            "N or S",
            "longitude",
            "E or W",
            "speed",
            "course",
            "date UTC",
            "variation",
            "NMEA checksum",
        ),
        *("HDOP", "altitude", "state", "AD list", "base ID", "CSQ", "journey", "satellites", "CRC", "end"),
    ]
    assert part(finding, "alarm code").meaning == "input_active 3, an alarm"
    assert part(finding, "fix").meaning == "no fix; a place is the last known one"
    assert part(finding, "speed").meaning == "0.00 knots"
    assert part(finding, "state").meaning == "input 3 active (bit 10), external power, inferred (bit 13)"
    assert part(finding, "AD list").meaning == "AD3 as supply 12.00 V, AD4 as battery 3.80 V, inferred"
    assert part(finding, "base ID").value == "mcc 520, mnc 5, lac 6111, cell_id 15952015"
    assert part(finding, "variation").meaning == "blank"
    assert part(finding, "NMEA checksum").raw == b"*13|"
    assert (part(finding, "journey").value, part(finding, "journey").unit) == (7094, "m")


def test_the_worked_ascii_example_is_cut_as_the_spec_does() -> None:
    finding = only(FUEL)
    names = [piece.name for piece in finding.parts]

    assert names == [
        *("header", "packet number", "length", "identity", "command", "event code", "event data", "time UTC", "fix"),
        *("latitude", "longitude", "satellites", "HDOP", "speed", "course", "altitude", "odometer", "cell", "signal"),
        *("system status", "inputs", "outputs", "voltages", "pro-code", "fuel", "sum", "end"),
    ]
    assert part(finding, "packet number").value == "W"
    assert part(finding, "length").value == 149
    assert part(finding, "event code").meaning == "interval"
    assert part(finding, "voltages").meaning == "supply 26.47 V, battery 3.60 V, AD1 0.00 V, AD2 0.00 V"
    assert part(finding, "fuel").value == "tank 1, litres 0.0"
    assert part(finding, "inputs").meaning == "no bit set"
    assert str(part(finding, "system status").meaning).startswith("server 2 connected (bit 1), fix valid (bit 2)")


def test_driver_texts_obd_and_temperatures_are_parts() -> None:
    card, obd = only(SAMPLES["bin-vt900-card-75"]), only(SAMPLES["asc-obd-x164"])
    extended, sensors = only(ascii_frame(FUEL[7:-4] + b",,,else")), only(SAMPLES["asc-pos-A147"])
    driver = only(FUEL[:-4].replace(b",1,010000", b",131,,,,^A, B;") + b"00\r\n")

    assert part(card, "driver text").section == "§3.6"
    assert str(part(obd, "OBD").value).startswith("rpm 686, engine_load_pct 33")
    assert part(extended, "extra field").raw == b"else"
    assert part(sensors, "temperature").value == "sensor 1, celsius 31.7; sensor 2, celsius -30.9"
    assert (part(driver, "driver text").value, part(driver, "driver text").raw) == ("^A, B;", b"^A, B;")


def test_commands_and_replies_are_named() -> None:
    binary, ascii_, reply = only(COMMAND_BINARY), only(COMMAND_ASCII), only(SAMPLES["asc-reply-129-ok"])
    answer, unknown = only(SAMPLES["bin-fam-loginreply-26016100901"]), only(SAMPLES["bin-doc-4303"])

    assert (binary.title, binary.direction, part(binary, "command").section) == (
        "command set_interval",
        "down",
        "§3.10",
    )
    assert str(part(binary, "data").meaning).startswith("set_interval interval_s ")
    assert (ascii_.title, ascii_.direction, ascii_.dialect) == ("command set_output", "down", "ascii")
    assert part(ascii_, "command").section == "§4.7"
    assert (part(ascii_, "data").value, part(ascii_, "data").raw) == ("1,1", b"1,1")
    assert (reply.title, part(reply, "data").value) == ("reply to 129", "OK")
    assert (answer.title, part(answer, "data").meaning) == ("login reply", "accepted True")
    assert part(unknown, "data").value == unknown.raw[13:-4].decode()


def test_stored_and_logged_records_are_cut_like_positions() -> None:
    stored, logged = only(SAMPLES["bin-fam-retrans-1"]), only(SAMPLES["bin-doc-9016-reply"])
    twice = stored.raw[14:-4] + b"\\" + stored.raw[14:-4]
    two = only(frame("6688", b"\2" + twice))

    assert (stored.title, part(stored, "count").value, part(stored, "command").section) == ("stored records", 1, "§3.8")
    assert part(stored, "latitude").value == decode_datagram(stored.raw).messages[0].records[0].latitude  # type: ignore[attr-defined]
    assert [piece.raw for piece in two.parts if piece.name == "separator"] == [b"\\"]
    assert [piece.name for piece in two.parts].count("alarm code") == 2
    assert (logged.title, part(logged, "server random").length) == ("reply to 9016", 1)
    assert part(logged, "records stored").length == 4
    assert part(logged, "latitude").value == decode_datagram(logged.raw).messages[0].report.latitude  # type: ignore[attr-defined]


def test_the_place_of_a_photo_is_a_position() -> None:
    finding = only(frame("9977", b"\1\2" + SAMPLES["bin-doc-9955"][13:-4]))

    assert (part(finding, "photo").value, part(finding, "kind").value) == ("1", 2)
    assert isinstance(part(finding, "latitude").value, float)


def test_extras_and_event_data_are_read_by_their_kind() -> None:
    ignition = only(ascii_frame(FUEL[7:-4].replace(b",1,010000", b",129,,,,3600")))
    trouble = only(ascii_frame(FUEL[7:-4].replace(b",000,0,,", b",000,56,00019501,")))

    assert (part(ignition, "ignition on").value, part(ignition, "ignition on").unit) == (3600, "s")
    assert part(trouble, "event data").meaning == "code P0195, state solved"


def test_an_identity_that_was_never_set_is_said_to_be_none() -> None:
    assert part(only(SAMPLES["bin-fam-pos-zero-id"]), "identity").meaning == "all zeros: it was never set"
    assert part(only(ascii_frame(b"0000,000")), "identity").meaning == "all zeros: it was never set"


def test_heartbeats_and_rubbish_are_findings() -> None:
    explanation = explain(b"\0\0" + LOGIN + b"\0GET /\0" + LOGIN + b"\0", "up")

    assert [(finding.kind, len(finding.raw)) for finding in explanation.findings] == [
        ("heartbeat", 2), ("frame", len(LOGIN)), ("heartbeat", 1), ("rubbish", 5), ("heartbeat", 1), ("frame", len(LOGIN)), ("heartbeat", 1),
    ]  # fmt: skip
    assert explanation.findings[3].problems == ("5 bytes that are no frame",)
    assert only(b"G").problems == ("1 byte that is no frame",)
    assert explain(b"").findings == ()
    assert explain(b"").is_good


def bad(sample: bytes, at: int, count: int, new: bytes = b"") -> bytes:
    """The sample with some bytes exchanged."""
    at %= len(sample)
    return sample[:at] + new + sample[at + count :]


_OVERLONG = b"$$\x0b\xb8" + LOGIN[4:13] + b"x" * (3000 - 17) + b"\0\0\r\n"
PROBLEMS: list[tuple[bytes, Flow | None, list[str]]] = [
    (SAMPLES["asc-pos-A147"], None, ["length field says 147, the frame has 158 bytes (off by 11)", "the sum is 46 and should be 71"]),
    (SAMPLES["bin-neg-zero-length"], None, ["length field says 0, the frame has 126 bytes (off by 126)", "the CRC is E248 and should be 3745"]),
    (bad(FUEL, -4, 2, b"46"), None, ["the sum is 46 and should be 0C"]),
    (bad(FUEL, -4, 2, b"\x1b["), None, ["the sum is ?[ and should be 0C"]),
    (bad(FUEL, -2, 2, b"XY"), None, ["ends in 58 59 instead of CR LF"]),
    (bad(FUEL, -2, 1), None, ["ends in 0A instead of CR LF"]),
    (bad(FUEL, -2, 2), None, ["the CR LF at the end is missing"]),
    (bad(POWER_CUT, -2, 2), None, ["the CR LF at the end is missing"]),
    (FUEL[:100], None, ["cut off: length field says 149, 59 bytes are missing"]),
    (POWER_CUT[:8], None, ["cut off: length field says 126, 118 bytes are missing"]),
    (FUEL[:12], None, ["cut off: length field says 149, 147 bytes are missing"]),
    (bad(FUEL, 3, 3, b"x"), None, ["the length field is no number", "the sum is 0C and should be E6"]),
    (bad(FUEL, 3, 3, b"9" * 5000), None, ["the length field is no number", "the sum is 0C and should be B6"]),
    (b"&&" + b"x" * 20 + b"\r\n", None, ["the length field is no number", "the sum is xx and should be BC"]),
    (bad(LOGIN, 4, 1, b"\xa6"), None, ["CRC", "identity holds digits A–E: A6"]),
    (bad(COMMAND_ASCII, 8, 1, b"."), None, ["the sum is 9F and should be 9A"]),
    (_OVERLONG, None, ["no receiver takes it: its packet number or its length", "the CRC is 0000"]),
    (COMMAND_BINARY, "up", ["looks like a frame from a server, and frames from a device are expected"]),
    (POWER_CUT, "down", ["looks like a frame from a device, and frames from a server are expected"]),
    (b"&&A4,a,0AA\r\n", None, ["no receiver takes it: its packet number or its length", "the identity 'a' is not 3 to 16"]),
    (bad(FUEL, 2, 1, b"1"), None, ["no receiver takes it: its packet number", "the sum is 0C"]),
]  # fmt: skip


@pytest.mark.parametrize(("data", "direction", "problems"), PROBLEMS)
def test_what_is_wrong_is_said(data: bytes, direction: Flow | None, problems: list[str]) -> None:
    explanation = explain(data, direction)
    found = explanation.findings[0].problems

    check_cover(explanation, data)
    assert not explanation.is_good
    for said, wanted in zip(found, problems, strict=True):
        assert wanted in said


def test_the_other_dialect_in_a_stream_is_said_to_be_one() -> None:
    findings = explain(LOGIN + FUEL + LOGIN).findings

    assert [bool(finding.problems) for finding in findings] == [False, True, False]
    assert findings[1].problems == ("looks like the other dialect: ASCII in a stream that is binary",)
    assert findings[1].title == "position report"


def test_both_sides_of_a_talk_are_read_without_a_direction() -> None:
    talk = LOGIN + SAMPLES["bin-fam-loginreply-26016100901"] + COMMAND_BINARY
    explanation = explain(talk)

    assert explanation.is_good
    assert [finding.direction for finding in explanation.findings] == ["up", "down", "down"]


def test_frames_that_lie_over_each_other_are_cut_once() -> None:
    uplink = bytearray(encode_login("1"))
    over = b"@@\0\x20" + bytes(11) + bytes(uplink[:8])
    data = bytes(over + uplink[8:])

    check_cover(explain(data), data)


def test_a_bad_frame_ends_where_the_next_begins() -> None:
    torn = explain(FUEL[:60] + FUEL + POWER_CUT[:50]).findings
    too_long = explain(bad(LOGIN, 3, 1, b"\x40") + b"\0" + LOGIN).findings
    two_bad = explain(bad(FUEL, 5, 1, b"7") * 2).findings
    too_short = explain(bad(POWER_CUT, 3, 1, b"\x20")).findings
    without_end = explain(b"$$\0\x14" + b"x" * 60).findings

    assert [len(finding.raw) for finding in torn] == [60, len(FUEL), 50]
    assert [(finding.kind, len(finding.raw)) for finding in too_long] == [
        ("frame", 17),
        ("heartbeat", 1),
        ("frame", 17),
    ]
    assert [len(finding.raw) for finding in two_bad] == [len(FUEL)] * 2
    assert [len(finding.raw) for finding in too_short] == [len(POWER_CUT)]
    assert [(finding.kind, len(finding.raw)) for finding in without_end] == [("frame", 20), ("rubbish", 44)]


def test_the_beginning_of_a_header_is_rubbish() -> None:
    for data in (b"$$", b"&&A", b"@@\0", b"$$$", b"&&\r\n", b"$$AB\r\n"):
        assert [finding.kind for finding in explain(data).findings if finding.kind != "heartbeat"] == ["rubbish"]


def test_a_frame_that_the_decoder_refuses_is_shown_as_far_as_it_can_be() -> None:
    wrong_identity = only(bad(SAMPLES["asc-pos-l141"], 8, 1, b"."))
    unreadable = only(bad(LOGIN, 11, 2, b"\x99\x55"))
    short = only(b"&&" + b"A" + b"8,abcdefg,".ljust(12, b"x") + b"00\r\n")

    assert any("is not 3 to 16 letters or digits" in problem for problem in wrong_identity.problems)
    assert wrong_identity.title == "position report"
    assert unreadable.title == "unreadable"
    assert any("nothing of the position can be read" in problem for problem in unreadable.problems)
    assert short.kind == "frame"


def test_other_makers_fields_are_shown_and_not_read() -> None:
    finding = only(SAMPLES["bin-fam-pos-26016-a"])
    unread = [piece.name for piece in finding.parts if piece.meaning == "unreadable"]

    assert "state" in unread
    assert part(finding, "state").value is None


@pytest.mark.parametrize(
    ("data", "direction"),
    [
        (FUEL, "up"),
        (LOGIN, "up"),
        (COMMAND_ASCII, "down"),
        (b"@@\0", "up"),
        (b"x" + COMMAND_BINARY[:15], "down"),
        (b"", "up"),
    ],
)
def test_the_direction_is_guessed_from_the_header(data: bytes, direction: Flow) -> None:
    assert guess_direction(data) == direction


def test_bits_are_spelled() -> None:
    assert bits_text(None, {}) is None
    assert bits_text(0, {}) == "no bit set"
    assert bits_text(0b1010, {1: "one"}) == "one (bit 1), unknown (bit 3)"
