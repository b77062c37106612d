"""Trackers that refuse, answer late, twice, wrongly or not at all; and the record of it."""

from datetime import UTC, datetime

import pytest

from vt600_protocol import CommandReply, ProtocolError, SetOutput, decode_datagram, encode_command
from vt600_simulator.behaviour import Behaviour, Manner, Reaction, read_behaviour
from vt600_simulator.identity import imei, serial_number
from vt600_simulator.tracker import Dialect, Tracker

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
DIALECTS: tuple[Dialect, ...] = ("binary", "ascii")


def reaction_of(tracker: Tracker) -> Reaction:
    command = encode_command(SetOutput(output=3, on=True), device_id=tracker.device_id, dialect=tracker.dialect)
    (frame,) = decode_datagram(command.payload, "device").messages
    reaction = tracker.handle(frame, NOW, "tcp:1")
    assert reaction is not None
    return reaction


def tracker(dialect: Dialect, *manners: Manner) -> Tracker:
    device_id = serial_number(7) if dialect == "binary" else imei(7)
    behaviour = Behaviour(manners=manners, late_s=3.0)
    return Tracker(device_id, dialect, "tcp", confirmed_mode=False, interval_s=10, seed=7, behaviour=behaviour)


def reply_of(frame: bytes) -> CommandReply:
    (message,) = decode_datagram(frame).messages
    assert isinstance(message, CommandReply)
    return message


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_refuses_and_does_nothing(dialect: Dialect) -> None:
    one = tracker(dialect, "refuses")
    reply = reply_of(reaction_of(one).frames[0])

    assert (reply.ok, reply.reason) == (False, "flag 00" if dialect == "binary" else "Failed")
    assert one.outputs == 0


@pytest.mark.parametrize("dialect", DIALECTS)
def test_it_answers_with_the_code_of_another_command(dialect: Dialect) -> None:
    (frame,) = reaction_of(tracker(dialect, "wrong_code")).frames
    (honest,) = reaction_of(tracker(dialect, "obeys")).frames

    assert reply_of(frame).code != reply_of(honest).code
    assert reply_of(frame).packet_no == reply_of(honest).packet_no


@pytest.mark.parametrize("dialect", DIALECTS)
def test_a_broken_answer_is_no_frame(dialect: Dialect) -> None:
    (frame,) = reaction_of(tracker(dialect, "broken")).frames
    datagram = decode_datagram(frame)

    assert not any(isinstance(message, CommandReply) for message in datagram.messages)
    assert all(isinstance(error, ProtocolError) for error in datagram.errors)
    assert datagram.errors


@pytest.mark.parametrize(
    ("manner", "frames", "after_s", "dies"),
    [
        ("obeys", 1, 0, False),
        ("late", 1, 3, False),
        ("twice", 2, 0, False),
        ("silent", 0, 0, False),
        ("dies", 0, 0, True),
    ],
)
def test_it_answers_as_often_and_as_late_as_its_manner_says(
    manner: Manner, frames: int, after_s: float, *, dies: bool
) -> None:
    one = tracker("ascii", manner)
    reaction = reaction_of(one)

    assert (len(reaction.frames), reaction.after_s, reaction.dies) == (frames, after_s, dies)
    assert one.outputs == 0b100


def test_what_it_received_is_on_record_before_any_answer() -> None:
    one = tracker("ascii", "silent")
    reaction = reaction_of(one)

    assert one.commands == [reaction.command]
    assert (reaction.command.link, reaction.command.manner, reaction.command.answers) == ("tcp:1", "silent", [])


def test_the_manner_changes_from_command_to_command() -> None:
    one = tracker("ascii", "obeys", "silent")
    manners = {reaction_of(one).command.manner for _ in range(50)}

    assert manners == {"obeys", "silent"}


def test_a_behaviour_is_read_from_words() -> None:
    assert read_behaviour("obeys,obeys,late,late_s=2,nat_s=60,nat_resets") == Behaviour(
        manners=("obeys", "obeys", "late"), late_s=2.0, nat_s=60.0, nat_resets=True
    )
    assert read_behaviour("nat_s=5") == Behaviour(nat_s=5.0)
    with pytest.raises(ValueError, match="'obey' is none of"):
        read_behaviour("obey")
