"""A frame's span ends when Kafka has the frame; a command's trace goes on with what became of it, and with its answer."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from vt600_bus.records import Downlink
from vt600_bus.topics import DELIVERY_REPORTS, SESSIONS, UPLINKS
from vt600_protocol import (
    Answer,
    CommandFrame,
    Connection,
    Identify,
    Identity,
    Restart,
    encode_command,
    encode_reply,
)
from vt600_runtime.tracing import Fact, Step, Tracer

if TYPE_CHECKING:
    from conftest import Bench, Tracker

DEVICE = "143190975469"


class Noted(Step):
    """A span that is named by what came before it."""

    def __init__(self, traceparent: str, facts: dict[str, Fact]) -> None:
        self.traceparent = traceparent
        self.facts = facts
        self.ended = False

    def end(self, **facts: Fact) -> None:
        self.facts |= facts
        self.ended = True


class Notebook(Tracer):
    """Traces every second frame."""

    on = True

    def __init__(self) -> None:
        self.steps: list[Noted] = []
        self.asked = 0

    def begin(self, name: str, **facts: Fact) -> Step | None:
        self.asked += 1
        return self._note(name, facts) if self.asked % 2 else None

    def follow(self, name: str, traceparent: str | None, **facts: Fact) -> Step | None:
        return None if traceparent is None else self._note(f"{traceparent} > {name}", facts)

    def _note(self, name: str, facts: dict[str, Fact]) -> Step:
        self.steps.append(Noted(name, facts))
        return self.steps[-1]


@pytest.fixture
def notebook() -> Notebook:
    return Notebook()


@pytest.fixture
async def traced(make_bench: Callable[..., "Bench"], notebook: Notebook) -> "Bench":
    """A bench whose listener traces."""
    return make_bench(tracer=notebook)


@pytest.fixture
async def tracker(traced: "Bench", report_frame: Callable[..., bytes]) -> "Tracker":
    """A unit that is connected and known."""
    tracker = traced.connect()
    tracker.send(report_frame(DEVICE))
    return tracker


def dispatch(bench: "Bench", command: Identify | Restart, traceparent: str | None) -> Downlink:
    """Deliver a command to the device, as the commander does; it comes with a trace or without."""
    (session, *_) = bench.bus.of(SESSIONS)
    encoded = encode_command(command, device_id=DEVICE, dialect="binary")
    now = bench.clock.utc_now()
    downlink = Downlink(
        command_id=type(command).__name__,
        attempt=1,
        device_id=DEVICE,
        listener_id=bench.listener.id,
        session_id=session.session_id,
        generation=session.generation,
        dispatched_at=now,
        deadline_at=now + timedelta(seconds=600),
        payload=encoded.payload,
        reply_code=encoded.reply_code,
        open_window=True,
    )
    bench.listener.downlinks.deliver(downlink, traceparent)
    return downlink


def reply() -> bytes:
    """What the device says to `Identify`."""
    unit = Connection("device")
    unit.receive_data(encode_command(Identify(), device_id=DEVICE, dialect="binary").payload)
    command = unit.next_message()
    assert isinstance(command, CommandFrame)
    identity = Identity(serial_number="03785505", imei="353358017784062", firmware="V2.01")
    return encode_reply(command, Answer(values=identity))


async def test_a_frame_s_span_names_it_and_ends_when_kafka_has_it(
    traced: "Bench", notebook: Notebook, tracker: "Tracker", report_frame: Callable[..., bytes]
) -> None:
    tracker.send(report_frame(DEVICE, latitude=1.0))
    (step,) = notebook.steps
    before = step.ended
    await traced.bus.hold()
    first, _second = traced.bus.of(UPLINKS)

    assert (before, step.ended) == (False, True)
    assert step.facts == {
        "device_id": DEVICE,
        "session_id": first.session_id,
        "frame_id": first.frame_id,
        "kind": "position",
        "transport": "tcp",
    }
    assert traced.bus.traces == [(UPLINKS.name, "frame.accept")]


async def test_nothing_is_traced_unless_it_is_wanted(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    dispatch(bench, Identify(), None)
    tracker.send(reply())

    assert bench.bus.of(DELIVERY_REPORTS)[-1].outcome == "replied"
    assert bench.bus.traces == []


async def test_what_becomes_of_a_traced_command_is_said_with_its_trace_and_so_is_its_answer(
    traced: "Bench", tracker: "Tracker"
) -> None:
    dispatch(traced, Identify(), "dispatch")
    tracker.send(reply())
    tracker.send(reply())  # a second one answers nothing
    dispatch(traced, Identify(), "read again")

    assert traced.listener.downlinks._delivery._traces == {}
    assert [trace for topic, trace in traced.bus.traces if topic == DELIVERY_REPORTS.name] == [
        "dispatch > command.deliver",
        "dispatch > command.deliver > command.reply",
    ]


async def test_an_answer_to_an_untraced_command_is_not_taken_for_one_to_the_traced_one_before(
    traced: "Bench", tracker: "Tracker"
) -> None:
    dispatch(traced, Identify(), "dispatch")
    dispatch(traced, Restart(part="gps"), None)
    tracker.send(reply())

    assert [trace for topic, trace in traced.bus.traces if topic == DELIVERY_REPORTS.name] == [
        "dispatch > command.deliver"
    ]


async def test_a_traced_command_that_waits_is_followed_until_it_is_written(
    traced: "Bench", notebook: Notebook, tracker: "Tracker", report_frame: Callable[..., bytes]
) -> None:
    await traced.clock.advance(90)
    dispatch(traced, Identify(), "dispatch")
    tracker.send(report_frame(DEVICE))

    told = [step for step in notebook.steps if step.traceparent.startswith("dispatch")]
    assert [(step.traceparent, step.facts["outcome"]) for step in told] == [
        ("dispatch > command.deliver", "held"),
        ("dispatch > command.deliver", "written"),
    ]
    assert traced.listener.downlinks._delivery._traces == {}
