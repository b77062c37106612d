from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from vt600_bus.records import Downlink
from vt600_bus.topics import DELIVERY_REPORTS, REJECTS, SESSIONS, UPLINKS
from vt600_listener.udp import UdpEndpoint
from vt600_protocol import encode_login

if TYPE_CHECKING:
    import asyncio

    from conftest import Bench

DEVICE = "143190975469"
HOME = ("192.0.2.1", 5000)
HEARTBEAT = b"\x00"
ELSEWHERE = ("192.0.2.1", 5001)


class MemorySocket:
    """Remembers the datagrams that were sent."""

    def __init__(self) -> None:
        self.sent: list[tuple[bytes, tuple[str, int]]] = []
        self.closed = False

    def sendto(self, data: bytes, address: tuple[str, int]) -> None:
        self.sent.append((data, address))

    def is_closing(self) -> bool:
        return self.closed

    def close(self) -> None:
        self.closed = True


def open_endpoint(bench: "Bench") -> tuple[UdpEndpoint, MemorySocket]:
    endpoint, socket = UdpEndpoint(bench.listener.context), MemorySocket()
    transport: asyncio.BaseTransport = socket  # type: ignore[assignment]  # the three methods that are used
    endpoint.connection_made(transport)
    return endpoint, socket


async def test_both_dialects_come_over_one_socket(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    endpoint, _ = open_endpoint(bench)
    endpoint.datagram_received(report_frame(DEVICE), HOME)
    endpoint.datagram_received(report_frame("865429043319537", code="000"), ELSEWHERE)

    assert [(record.dialect, record.transport, record.peer) for record in bench.bus.of(UPLINKS)] == [
        ("binary", "udp", "192.0.2.1:5000"),
        ("ascii", "udp", "192.0.2.1:5001"),
    ]


async def test_a_login_is_answered_to_the_address_of_the_datagram(bench: "Bench") -> None:
    endpoint, socket = open_endpoint(bench)
    endpoint.datagram_received(encode_login(DEVICE), HOME)

    assert [address for _, address in socket.sent] == [HOME]


async def test_invariant_1_a_datagram_is_confirmed_only_after_the_bus_holds_it(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    endpoint, socket = open_endpoint(bench)
    endpoint.datagram_received(report_frame("865429043319537", code="010", packet_no="W"), HOME)
    before = list(socket.sent)
    await bench.bus.hold()

    assert before == []
    assert [(data[:3], address) for data, address in socket.sent] == [(b"$$W", HOME)]


@pytest.mark.parametrize("trouble", ["bus_full", "bus_away"])
async def test_datagrams_are_dropped_and_counted_while_the_bus_takes_nothing(
    bench: "Bench", report_frame: Callable[..., bytes], trouble: str
) -> None:
    endpoint, socket = open_endpoint(bench)
    if trouble == "bus_full":
        bench.bus.pending_bytes = bench.listener.context.settings.max_pending_bytes
    else:
        bench.bus.oldest_pending_s = 31.0
    endpoint.datagram_received(report_frame("865429043319537", code="010"), HOME)
    await bench.bus.hold()

    assert bench.bus.of(UPLINKS) == []
    assert socket.sent == []
    assert bench.count("datagrams_dropped_total", reason=trouble) == 1


async def test_one_peer_is_one_session(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    endpoint, _ = open_endpoint(bench)
    for latitude in (1.0, 2.0, 3.0):
        endpoint.datagram_received(report_frame(DEVICE, latitude=latitude), HOME)

    assert [record.state for record in bench.bus.of(SESSIONS)] == ["open"]
    assert len({record.session_id for record in bench.bus.of(UPLINKS)}) == 1


async def test_invariant_3_a_device_that_moves_to_another_port_is_one_session(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    endpoint, socket = open_endpoint(bench)
    endpoint.datagram_received(report_frame(DEVICE), HOME)
    endpoint.datagram_received(report_frame(DEVICE), ELSEWHERE)
    session = bench.listener.sessions.session_of(DEVICE)
    assert session is not None
    session.link.write(b"command")

    assert [(record.state, record.cause) for record in bench.bus.of(SESSIONS)] == [
        ("open", None),
        ("closed", "replaced"),
        ("open", None),
    ]
    assert socket.sent == [(b"command", ELSEWHERE)]


async def test_a_silent_peer_is_forgotten_and_a_heartbeat_keeps_it(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    endpoint, _ = open_endpoint(bench)
    endpoint.datagram_received(report_frame("1001"), HOME)
    endpoint.datagram_received(report_frame("1002"), ELSEWHERE)
    await bench.clock.advance(10 * 60)
    endpoint.datagram_received(b"\x00", HOME)
    await bench.clock.advance(10 * 60)
    bench.listener.sessions.sweep()

    assert [session.device_id for session in bench.listener.sessions] == ["1001"]
    assert bench.bus.of(SESSIONS)[-1].cause == "idle"


async def test_half_a_frame_does_not_carry_over_to_the_next_datagram(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    endpoint, _ = open_endpoint(bench)
    frame = report_frame(DEVICE)
    endpoint.datagram_received(frame[:40], HOME)
    endpoint.datagram_received(frame[40:], HOME)

    assert bench.bus.of(UPLINKS) == []
    assert len(bench.bus.of(REJECTS)) == 2
    assert len(bench.listener.sessions) == 0


async def test_invariant_4_any_datagram_leads_to_messages_or_rejects(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    endpoint, _ = open_endpoint(bench)
    for data in (b"", b"GET / HTTP/1.1\r\n\r\n", b"$" * 65_000, b"&&A" * 400, report_frame("0" * 14), bytes(60_000)):
        endpoint.datagram_received(data, HOME)

    assert bench.bus.of(UPLINKS) == []
    assert bench.bus.of(SESSIONS) == []


async def test_sessions_have_a_bound(make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]) -> None:
    bench = make_bench(max_udp_sessions=2)
    endpoint, _ = open_endpoint(bench)
    for number in range(4):
        endpoint.datagram_received(report_frame(f"100{number + 1}"), ("192.0.2.1", 5000 + number))

    assert len(bench.listener.sessions) == 2
    assert bench.count("datagrams_dropped_total", reason="too_many_sessions") == 2


async def test_a_peer_outside_the_allowed_networks_is_not_heard(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench(allowed_networks="198.51.100.0/24")
    endpoint, _ = open_endpoint(bench)
    endpoint.datagram_received(report_frame(DEVICE), HOME)
    endpoint.datagram_received(report_frame(DEVICE), ("198.51.100.7", 5000))

    assert [record.peer for record in bench.bus.of(UPLINKS)] == ["198.51.100.7:5000"]


def dispatch(bench: "Bench", attempt: int = 1) -> None:
    """Of one command, to the newest session."""
    session, now = bench.bus.of(SESSIONS)[-1], bench.clock.utc_now()
    bench.listener.downlinks.deliver(
        Downlink(
            command_id="command-1",
            attempt=attempt,
            device_id=DEVICE,
            listener_id=bench.listener.id,
            session_id=session.session_id,
            generation=session.generation,
            dispatched_at=now,
            deadline_at=now + timedelta(seconds=60),
            payload=b"the command",
            reply_code="9001",
            open_window=True,
        )
    )


@pytest.mark.parametrize("next_datagram", [HEARTBEAT, None])
async def test_a_command_for_a_quiet_udp_device_waits_for_the_next_datagram(
    bench: "Bench", report_frame: Callable[..., bytes], next_datagram: bytes | None
) -> None:
    endpoint, socket = open_endpoint(bench)
    endpoint.datagram_received(report_frame(DEVICE), HOME)
    await bench.clock.advance(20)
    dispatch(bench)
    assert socket.sent == []
    endpoint.datagram_received(next_datagram or report_frame(DEVICE, latitude=1.0), HOME)

    assert socket.sent == [(b"the command", HOME)]


async def test_a_udp_device_that_comes_from_another_port_each_time_gets_its_command(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    endpoint, socket = open_endpoint(bench)
    endpoint.datagram_received(report_frame(DEVICE), HOME)
    await bench.clock.advance(300)
    dispatch(bench)
    endpoint.datagram_received(report_frame(DEVICE, latitude=1.0), ELSEWHERE)
    assert [report.reason for report in bench.bus.of(DELIVERY_REPORTS)] == [None, "link_closed"]
    await bench.clock.advance(1)
    dispatch(bench, attempt=2)

    assert socket.sent == [(b"the command", ELSEWHERE)]
