"""What others are told of a link that falls silent, and of one that is ended from outside."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from msgspec import structs

from vt600_bus.records import Downlink
from vt600_bus.topics import DELIVERY_REPORTS, SESSIONS

if TYPE_CHECKING:
    from conftest import Bench, Tracker

DEVICE = "143190975469"
HEARTBEAT = b"\x00"


def told(bench: "Bench") -> list[tuple[str, float | None]]:
    """State and seconds since the device was last heard of all that was said of links."""
    now = bench.clock.utc_now()
    return [
        (record.state, None if record.quiet_since is None else (now - record.quiet_since).total_seconds())
        for record in bench.bus.of(SESSIONS)
    ]


def closing(bench: "Bench", **changes: object) -> Downlink:
    """What asks the listener to end the link that was opened last."""
    opened = bench.bus.of(SESSIONS)[-1]
    now = bench.clock.utc_now()
    wanted = Downlink(
        command_id="c",
        attempt=1,
        device_id=opened.device_id,
        listener_id=bench.listener.id,
        session_id=opened.session_id,
        generation=opened.generation,
        dispatched_at=now,
        deadline_at=now + timedelta(seconds=30),
        payload=b"",
        reply_code="",
        action="close",
    )
    return structs.replace(wanted, **changes)


@pytest.fixture
async def tracker(make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]) -> "tuple[Bench, Tracker]":
    """A unit that is connected; links are quiet after a minute."""
    bench = make_bench(quiet_after_s=60)
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    return bench, tracker


async def test_a_link_that_falls_silent_is_told_of_once(tracker: "tuple[Bench, Tracker]") -> None:
    bench, _ = tracker
    await bench.clock.advance(60)
    bench.listener.sessions.sweep()
    assert told(bench) == [("open", None)]
    await bench.clock.advance(1)
    bench.listener.sessions.sweep()
    bench.listener.sessions.sweep()

    assert told(bench) == [("open", None), ("open", 61.0)]
    assert len({(record.session_id, record.generation) for record in bench.bus.of(SESSIONS)}) == 1


@pytest.mark.parametrize("sent", [HEARTBEAT, b"$"])
async def test_any_byte_of_the_device_ends_its_silence(tracker: "tuple[Bench, Tracker]", sent: bytes) -> None:
    bench, unit = tracker
    await bench.clock.advance(61)
    bench.listener.sessions.sweep()
    unit.send(sent)
    bench.listener.sessions.sweep()
    unit.send(sent)

    assert told(bench)[1:] == [("open", 61.0), ("open", None)]


async def test_a_silent_link_closes_with_the_time_since_when(tracker: "tuple[Bench, Tracker]") -> None:
    bench, unit = tracker
    await bench.clock.advance(61)
    bench.listener.sessions.sweep()
    await unit.hang_up()
    bench.listener.sessions.sweep()

    assert told(bench)[2:] == [("closed", 61.0)]


async def test_a_link_is_ended_from_outside_and_says_so(
    tracker: "tuple[Bench, Tracker]", settle: Callable[[], Awaitable[None]]
) -> None:
    bench, unit = tracker
    bench.listener.downlinks.deliver(closing(bench))
    await settle()

    assert unit.transport.closed
    assert [(record.state, record.cause) for record in bench.bus.of(SESSIONS)] == [("open", None), ("closed", "forced")]
    assert bench.bus.of(DELIVERY_REPORTS) == []


@pytest.mark.parametrize("late", [False, True])
async def test_no_newer_link_is_ended_and_none_too_late(tracker: "tuple[Bench, Tracker]", *, late: bool) -> None:
    bench, unit = tracker
    wanted = closing(bench) if late else closing(bench, session_id="older", generation=1)
    if late:
        await bench.clock.advance(30)
    bench.listener.downlinks.deliver(wanted)

    assert not unit.transport.closed
    assert told(bench) == [("open", None)]
    assert bench.count("downlinks_total", outcome="not_closed") == 1
