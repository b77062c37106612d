"""Every byte is explained, as the decoder reads it, and nothing raises."""

import math
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from samples import COMMAND_ASCII, COMMAND_BINARY, FUEL, LOGIN, check_cover, part, streams

from vt600_protocol import Message, PositionReport, Role, decode_datagram
from vt600_protocol.tools import Finding, Flow, explain
from vt600_protocol.tools.cutting import guess_direction
from vt600_protocol.tools.spelling import shown

if TYPE_CHECKING:
    from conftest import Vector

ROLES: dict[Flow, Role] = {"up": "server", "down": "device"}


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
