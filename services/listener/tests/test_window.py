"""Commands that wait until the network has a way to the device."""

from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from vt600_bus.records import DeliveryReport, Downlink
from vt600_bus.topics import DELIVERY_REPORTS, SESSIONS
from vt600_protocol import Command, Identify, SetOutput, encode_command

if TYPE_CHECKING:
    from conftest import Bench, Tracker

DEVICE = "143190975469"
HEARTBEAT = b"\x00"

RELEASE = SetOutput(output=1, on=False)
MakeFrame = Callable[..., bytes]


def dispatch(
    bench: "Bench", command: Command | None = None, *, deadline_s: float = 600, priority: int = 1, attempt: int = 1
) -> Downlink:
    """Deliver a command to the device that connected last, as the commander does."""
    opened = [record for record in bench.bus.of(SESSIONS) if record.state == "open"][-1]
    command = command or Identify()
    encoded = encode_command(command, device_id=opened.device_id, dialect=opened.dialect)
    now = bench.clock.utc_now()
    downlink = Downlink(
        command_id=type(command).__name__,
        attempt=attempt,
        device_id=opened.device_id,
        listener_id=bench.listener.id,
        session_id=opened.session_id,
        generation=opened.generation,
        dispatched_at=now,
        deadline_at=now + timedelta(seconds=deadline_s),
        payload=encoded.payload,
        reply_code=encoded.reply_code,
        open_window=True,
        priority=priority,
    )
    bench.listener.downlinks.deliver(downlink)
    return downlink


def recall(bench: "Bench", downlink: Downlink) -> None:
    bench.listener.downlinks.deliver(structs.replace(downlink, action="recall", payload=b""))


def told(bench: "Bench") -> list[tuple[str, str | None]]:
    """Outcomes and reasons, in order."""
    found: list[DeliveryReport] = bench.bus.of(DELIVERY_REPORTS)
    return [(report.outcome, report.reason) for report in found]


@pytest.fixture
async def tracker(bench: "Bench", report_frame: MakeFrame) -> "Tracker":
    """A unit that is connected and known."""
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    return tracker


@pytest.fixture
async def quiet(bench: "Bench", tracker: "Tracker") -> "Tracker":
    """The same after a minute without a byte of it."""
    await bench.clock.advance(60)
    return tracker


async def test_a_link_that_was_heard_a_moment_ago_is_written_to_at_once(bench: "Bench", tracker: "Tracker") -> None:
    await bench.clock.advance(49.9)
    downlink = dispatch(bench)

    assert tracker.transport.take() == downlink.payload
    assert told(bench) == [("written", None)]


async def test_a_quiet_link_is_written_to_right_after_its_next_frame(
    bench: "Bench", quiet: "Tracker", report_frame: MakeFrame
) -> None:
    downlink = dispatch(bench)
    assert quiet.transport.take() == b""
    assert told(bench) == [("held", None)]
    assert bench.count("downlinks_held") == 1
    await bench.clock.advance(240)
    quiet.send(report_frame(DEVICE, latitude=1.0))

    assert quiet.transport.take() == downlink.payload
    assert told(bench) == [("held", None), ("written", None)]
    assert bench.count("downlinks_held") == 0
    assert bench.count("held_seconds_sum") == 240


async def test_a_heartbeat_of_the_device_opens_the_way_too(bench: "Bench", quiet: "Tracker") -> None:
    downlink = dispatch(bench)
    quiet.send(HEARTBEAT)

    assert quiet.transport.take() == downlink.payload


async def test_what_we_send_proves_no_way(bench: "Bench", tracker: "Tracker") -> None:
    await bench.clock.advance(59)
    dispatch(bench)
    tracker.transport.take()
    await bench.clock.advance(1)
    dispatch(bench, attempt=2)

    assert tracker.transport.take() == b""


async def test_how_long_a_way_is_trusted_is_a_setting(
    make_bench: "Callable[..., Bench]", report_frame: MakeFrame
) -> None:
    bench = make_bench(tcp_path_s=10)
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    await bench.clock.advance(10)
    dispatch(bench)

    assert told(bench) == [("held", None)]


async def test_a_dispatch_that_does_not_ask_for_an_open_window_is_written_at_once(
    bench: "Bench", quiet: "Tracker"
) -> None:
    downlink = structs.replace(dispatch(bench), attempt=2, open_window=False)
    bench.listener.downlinks.deliver(downlink)

    assert quiet.transport.take() == downlink.payload


async def test_nothing_that_waited_is_written_after_its_deadline(
    bench: "Bench", quiet: "Tracker", report_frame: MakeFrame
) -> None:
    dispatch(bench, deadline_s=60)
    await bench.clock.advance(60)
    quiet.send(report_frame(DEVICE, latitude=1.0))

    assert quiet.transport.take() == b""
    assert told(bench) == [("held", None), ("refused", "too_late")]


async def test_a_deadline_that_passes_while_the_device_is_quiet_is_told(bench: "Bench", quiet: "Tracker") -> None:
    dispatch(bench, deadline_s=60)
    await bench.clock.advance(60)
    bench.listener.sessions.sweep()

    assert told(bench) == [("held", None), ("refused", "too_late")]


async def test_a_clock_that_is_set_back_makes_nothing_wait_longer(
    bench: "Bench", quiet: "Tracker", report_frame: MakeFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    dispatch(bench, deadline_s=60)
    noon = bench.clock.utc_now()
    monkeypatch.setattr(bench.clock, "utc_now", lambda: noon - timedelta(hours=1))
    await bench.clock.advance(60)
    quiet.send(report_frame(DEVICE, latitude=1.0))

    assert quiet.transport.take() == b""
    assert told(bench)[-1] == ("refused", "too_late")


async def test_what_waits_for_a_link_that_closes_is_given_back(bench: "Bench", quiet: "Tracker") -> None:
    dispatch(bench)
    await quiet.hang_up()

    assert told(bench) == [("held", None), ("refused", "link_closed")]


async def test_what_waits_for_a_link_that_is_replaced_is_given_back_and_not_written_to_the_new_one(
    bench: "Bench", quiet: "Tracker", report_frame: MakeFrame
) -> None:
    dispatch(bench)
    newer = bench.connect()
    newer.send(report_frame(DEVICE, latitude=1.0))

    assert newer.transport.take() == quiet.transport.take() == b""
    assert told(bench) == [("held", None), ("refused", "link_closed")]


async def test_what_waits_can_be_taken_back(bench: "Bench", quiet: "Tracker", report_frame: MakeFrame) -> None:
    downlink = dispatch(bench)
    recall(bench, downlink)
    bench.listener.downlinks.deliver(downlink)  # read again
    quiet.send(report_frame(DEVICE, latitude=1.0))

    assert quiet.transport.take() == b""
    assert told(bench) == [("held", None), ("refused", "recalled")]


async def test_what_was_written_cannot_be_taken_back(bench: "Bench", tracker: "Tracker") -> None:
    recall(bench, dispatch(bench))

    assert told(bench) == [("written", None)]


async def test_what_is_taken_back_before_it_comes_is_never_written(bench: "Bench", tracker: "Tracker") -> None:
    downlink = structs.replace(dispatch(bench), attempt=2)
    tracker.transport.take()
    recall(bench, downlink)
    bench.listener.downlinks.deliver(downlink)

    assert tracker.transport.take() == b""
    assert told(bench) == [("written", None), ("refused", "recalled")]


async def test_of_several_that_wait_the_urgent_one_goes_first_and_one_after_each_sign_of_life(
    bench: "Bench", quiet: "Tracker"
) -> None:
    query = dispatch(bench)
    release = dispatch(bench, RELEASE, priority=0)
    written = []
    for _ in range(3):
        quiet.send(HEARTBEAT)
        written.append(quiet.transport.take())

    assert written == [release.payload, query.payload, b""]


async def test_what_waits_stays_while_the_unit_has_not_read_what_came_before(bench: "Bench", quiet: "Tracker") -> None:
    downlink = dispatch(bench)
    quiet.transport.unread = 1
    quiet.send(HEARTBEAT)
    assert quiet.transport.take() == b""
    quiet.transport.unread = 0
    quiet.send(HEARTBEAT)

    assert quiet.transport.take() == downlink.payload
