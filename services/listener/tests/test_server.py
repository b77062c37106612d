import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import pytest

from vt600_bus.topics import LISTENERS, SESSIONS, UPLINKS
from vt600_listener.closing import close_in_slices

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


async def test_draining_takes_new_links_for_a_moment_then_spreads_the_closures_and_tells_them(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench(drain_accept_s=3, drain_s=20)
    trackers = [bench.connect() for _ in range(49)]
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(bench.listener.drain())
        await bench.clock.advance(2.9)
        not_ready = bench.listener.not_ready_because()
        trackers.append(bench.connect())
        for number, tracker in enumerate(trackers):
            tracker.send(report_frame(f"{1000 + number}"))
        await bench.bus.hold()
        before = sum(tracker.transport.eof_written for tracker in trackers)
        await bench.clock.advance(2.0)
        told = sum(tracker.transport.eof_written for tracker in trackers)
        refused = bench.connect().transport.closed
        await bench.clock.advance(40.0)

    assert not_ready == "draining"
    assert before == 0
    assert 0 < told < 50
    assert refused
    assert open_links(trackers) == 0
    assert len(bench.listener.sessions) == 0
    assert [record.cause for record in bench.bus.of(SESSIONS) if record.state == "closed"] == ["drained"] * 50
    assert [record.state for record in bench.bus.of(LISTENERS)] == ["draining", "down"]


@pytest.mark.parametrize("links", [1, 7, 200, 201, 5_000])
async def test_no_second_of_a_drain_closes_much_more_than_its_share(
    make_bench: "Callable[..., Bench]", links: int
) -> None:
    bench = make_bench(drain_s=20)
    closed_at: list[float] = []
    begins_at = bench.clock.monotonic()
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(
            close_in_slices(
                [bench.connect(f"192.0.{number % 250}.1").link for number in range(links)],
                over_s=20.0,
                clock=bench.clock,
                close=lambda _link: closed_at.append(bench.clock.monotonic() - begins_at),
                wanted=lambda: True,
            )
        )
        await bench.clock.advance(40.0)
    seconds = Counter(int(at) for at in closed_at)

    assert len(closed_at) == links
    assert max(seconds.values()) <= max(1, links / 20) * 2.5
    assert links < 20 or max(closed_at) > 10.0


async def test_udp_is_heard_to_the_end_of_a_drain(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench(drain_accept_s=0, drain_s=20)
    await bench.listener.server.open()
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(
        asyncio.DatagramProtocol, remote_addr=("127.0.0.1", bench.listener.server.port)
    )

    async def send(device: str) -> None:
        transport.sendto(report_frame(device))
        async with asyncio.timeout(30):
            while device not in [record.device_id for record in bench.bus.of(UPLINKS)]:
                await asyncio.sleep(0.01)

    await send("1000")
    async with asyncio.TaskGroup() as tasks:
        draining = tasks.create_task(bench.listener.drain())
        await bench.clock.advance(19.0)
        await send("1001")
        ended_early = draining.done()
        await bench.clock.advance(2.0)
    bench.listener.server.close()
    transport.close()

    assert not ended_early
    assert [record.cause for record in bench.bus.of(SESSIONS) if record.state == "closed"] == ["drained"] * 2


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
