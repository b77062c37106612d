"""What is wrong with a frame is said, and where it ends."""

import pytest
from samples import COMMAND_ASCII, COMMAND_BINARY, FUEL, LOGIN, POWER_CUT, SAMPLES, bad, check_cover, only

from vt600_protocol import encode_login
from vt600_protocol.tools import Flow, explain

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
