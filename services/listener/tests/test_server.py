import asyncio
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from vt600_bus.topics import LISTENERS, SESSIONS, UPLINKS

if TYPE_CHECKING:
    from conftest import Bench, Tracker

DEVICE = "143190975469"
ASCII_DEVICE = "865429043319537"


def open_links(trackers: list["Tracker"]) -> int:
    return sum(not tracker.transport.closed for tracker in trackers)


async def test_links_are_shed_in_slices_when_the_bus_stays_away(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    trackers = [bench.connect() for _ in range(100)]
    for number, tracker in enumerate(trackers):
        tracker.send(report_frame(f"{1000 + number}"))
    async with asyncio.TaskGroup() as tasks:
        shedding = tasks.create_task(bench.listener.server.shed_while_bus_away())
        bench.bus.oldest_pending_s = 29.0
        await bench.clock.advance(1.0)
        before = open_links(trackers)
        bench.bus.oldest_pending_s = 31.0
        await bench.clock.advance(2.0)
        meanwhile = open_links(trackers)
        await bench.clock.advance(10.0)
        after = open_links(trackers)
        shedding.cancel()

    assert before == 100
    assert 0 < meanwhile < 100
    assert after == 0
    assert {record.cause for record in bench.bus.of(SESSIONS) if record.state == "closed"} == {"bus_away"}


async def test_shedding_stops_when_the_bus_is_back(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    trackers = [bench.connect() for _ in range(100)]
    for number, tracker in enumerate(trackers):
        tracker.send(report_frame(f"{1000 + number}"))
    async with asyncio.TaskGroup() as tasks:
        shedding = tasks.create_task(bench.listener.server.shed_while_bus_away())
        bench.bus.oldest_pending_s = 31.0
        await bench.clock.advance(2.0)
        bench.bus.oldest_pending_s = 0.0
        await bench.clock.advance(60.0)
        shedding.cancel()

    assert 0 < open_links(trackers) < 100
    assert not bench.connect().transport.closed


async def test_the_sweep_closes_idle_links_by_itself(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    async with asyncio.TaskGroup() as tasks:
        sweeping = tasks.create_task(bench.listener.server.sweep_for_ever())
        await bench.clock.advance(16 * 60)
        sweeping.cancel()

    assert tracker.transport.closed


async def test_draining_spreads_the_closures_and_tells_them(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    trackers = [bench.connect() for _ in range(50)]
    for number, tracker in enumerate(trackers):
        tracker.send(report_frame(f"{1000 + number}"))
    await bench.bus.hold()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.listener.drain())
        await bench.clock.advance(1.0)
        told = sum(tracker.transport.eof_written for tracker in trackers)
        refused = bench.connect().transport.closed
        not_ready = bench.listener.not_ready_because()
        await bench.clock.advance(20.0)

    assert 0 < told < 50
    assert refused
    assert not_ready == "draining"
    assert open_links(trackers) == 0
    assert len(bench.listener.sessions) == 0
    assert [record.cause for record in bench.bus.of(SESSIONS) if record.state == "closed"] == ["drained"] * 50
    assert [record.state for record in bench.bus.of(LISTENERS)] == ["draining", "down"]


async def test_a_drained_link_is_confirmed_first_then_told_to_go_and_still_heard(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(ASCII_DEVICE, code="010", packet_no="W"))
    tracker.link.finish("drained")
    before = (tracker.transport.take(), tracker.transport.eof_written, tracker.transport.reading)
    await bench.bus.hold()
    after = (tracker.transport.take()[:3], tracker.transport.eof_written, tracker.transport.reading)
    tracker.send(report_frame(ASCII_DEVICE, code="010", packet_no="X", latitude=1.0))
    await bench.bus.hold()

    assert before == (b"", False, False)
    assert after == (b"$$W", True, True)
    assert tracker.transport.take() == b""
    assert len(bench.bus.of(UPLINKS)) == 2
    assert [record.state for record in bench.bus.of(SESSIONS)] == ["open", "closed"]


async def test_a_first_frame_that_comes_after_the_farewell_is_kept_without_a_session(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.link.finish("drained")
    tracker.send(report_frame(DEVICE))

    assert len(bench.bus.of(UPLINKS)) == 1
    assert bench.bus.of(SESSIONS) == []


async def test_readiness_follows_the_bus(bench: "Bench", settle: Callable[[], Awaitable[None]]) -> None:
    before = bench.listener.not_ready_because()
    await bench.listener.server.open()
    healthy = bench.listener.not_ready_because()
    bench.bus.healthy = False
    without_bus = bench.listener.not_ready_because()
    bench.listener.server.close()
    await settle()

    assert before == "not listening yet"
    assert healthy is None
    assert without_bus == "the bus does not take records"


async def test_the_lease_is_renewed_every_two_seconds_with_the_links_held(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    bench.connect().send(report_frame(DEVICE))
    async with asyncio.TaskGroup() as tasks:
        renewing = tasks.create_task(bench.listener.lease.renew_for_ever())
        await bench.clock.advance(4.5)
        renewing.cancel()
    leases = bench.bus.of(LISTENERS)

    assert [(lease.state, lease.links, lease.lease_s) for lease in leases] == [("up", 1, 10.0)] * 3
    assert leases[0].started_at < leases[2].renewed_at
