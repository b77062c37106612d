from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from vt600_bus.topics import REJECTS, SESSIONS, UPLINKS

if TYPE_CHECKING:
    from conftest import Bench

DEVICE = "143190975469"


async def test_half_a_frame_waits_for_the_rest(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    frame = report_frame()
    for at in range(len(frame) - 1):
        tracker.send(frame[at : at + 1])
    before = len(bench.bus.of(UPLINKS))
    tracker.send(frame[-1:])

    assert before == 0
    assert bench.bus.of(UPLINKS)[0].raw == frame


async def test_reading_pauses_at_the_window_and_goes_on_when_frames_are_durable(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench(window_frames=4)
    tracker = bench.connect()
    tracker.send(b"".join(report_frame(latitude=float(number)) for number in range(10)))
    in_window = len(bench.bus.of(UPLINKS))
    reading = tracker.transport.reading
    for _ in range(3):
        await bench.bus.hold()

    assert in_window == 4
    assert not reading
    assert [record.report.latitude for record in bench.bus.of(UPLINKS) if record.report] == list(range(10))
    assert tracker.transport.reading


async def test_no_busy_link_is_read_while_the_bus_is_full(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench()
    first, second, idle = bench.connect(), bench.connect(), bench.connect()
    bench.bus.pending_bytes = bench.listener.context.settings.max_pending_bytes
    first.send(report_frame("1001"))
    second.send(report_frame("1002"))
    parked = [first.transport.reading, second.transport.reading, idle.transport.reading]
    published = len(bench.bus.of(UPLINKS))
    await bench.clock.advance(3.0)
    bench.bus.pending_bytes = 0
    bench.listener.flow.release()

    assert bench.count("paused_seconds_total", reason="bus") == 6.0
    assert parked == [False, False, True]
    assert published == 0
    assert [record.device_id for record in bench.bus.of(UPLINKS)] == ["1001", "1002"]
    assert first.transport.reading
    assert second.transport.reading


async def test_a_link_that_speaks_for_another_device_gets_a_new_session(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame("1001") + report_frame("1002"))

    assert [(record.device_id, record.state, record.cause) for record in bench.bus.of(SESSIONS)] == [
        ("1001", "open", None),
        ("1001", "closed", "device_changed"),
        ("1002", "open", None),
    ]
    assert not tracker.transport.closed


async def test_a_unit_without_identity_gets_no_session(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    tracker.send(report_frame("0" * 14))

    assert bench.bus.of(SESSIONS) == []
    assert bench.bus.of(UPLINKS) == []
    assert bench.bus.of(REJECTS)[0].reason == "content"


def corrupted(frame: bytes) -> bytes:
    return frame[:30] + bytes([frame[30] ^ 1]) + frame[31:]


async def test_a_wrong_checksum_is_rejected_and_the_stream_goes_on(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(corrupted(report_frame(DEVICE)) + report_frame(DEVICE))
    reject = bench.bus.of(REJECTS)[0]

    assert reject.reason == "checksum"
    assert reject.raw == corrupted(report_frame(DEVICE))
    assert len(bench.bus.of(UPLINKS)) == 1
    assert not tracker.transport.closed


async def test_only_the_first_rejects_of_a_link_are_published(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(corrupted(report_frame(DEVICE)) * 30)

    assert len(bench.bus.of(REJECTS)) == 10
    assert bench.count("rejects_total", transport="tcp", reason="checksum") == 30
    assert bench.count("rejects_unpublished_total") == 20


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        bytes.fromhex("16030100c8010000c403035f") + bytes(range(1, 190)),
        b"$$\x00\x11" * 3000,
        b"&&A" * 4000,
        b"A" * 1_000_000,
        bytes(1_000_000),
        bytes(number * 7919 % 251 for number in range(20_000)),
    ],
    ids=["http", "tls", "headers-binary", "headers-ascii", "no-header", "heartbeats", "random"],
)
async def test_invariant_4_any_bytes_lead_to_messages_or_rejects(bench: "Bench", data: bytes) -> None:
    tracker = bench.connect()
    tracker.send(data)
    await tracker.hang_up()

    assert bench.bus.of(UPLINKS) == []
    assert all(len(reject.raw) <= 4_096 for reject in bench.bus.of(REJECTS))
    assert bench.listener.sessions.links == set()


async def test_rubbish_without_end_closes_the_link(bench: "Bench") -> None:
    tracker = bench.connect()
    tracker.send(b"A" * 20_000)

    assert tracker.transport.closed
    assert bench.bus.of(REJECTS)[0].reason == "rubbish"


async def test_frames_of_a_link_that_breaks_while_it_is_paused_are_still_published(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench(window_frames=2)
    tracker = bench.connect()
    tracker.send(b"".join(report_frame(latitude=float(number)) for number in range(5)))
    await tracker.hang_up()

    assert len(bench.bus.of(UPLINKS)) == 5
    assert bench.bus.of(SESSIONS)[-1].cause == "closed_by_peer"
