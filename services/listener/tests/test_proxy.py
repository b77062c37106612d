"""Links behind a balancer: none begins before a trusted one has said for whom."""

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING

import pytest

from vt600_bus.topics import SESSIONS
from vt600_listener.proxy import ProxiedConnection, ProxyGate
from vt600_listener.tcp import TcpLink
from vt600_protocol import encode_login

if TYPE_CHECKING:
    from conftest import Bench

DEVICE = "143190975469"
BALANCER = "10.0.0.9"
HEADER = b"PROXY TCP4 192.0.2.1 198.51.100.1 5000 8888\r\n"
_LOCAL = b"\r\n\r\n\x00\r\nQUIT\n\x20\x00\x00\x00"


class BalancerTransport(asyncio.Transport):
    """A connection from a balancer, to whichever protocol holds it at the moment."""

    def __init__(self, gate: ProxyGate, host: str = BALANCER) -> None:
        super().__init__({"peername": (host, 40_000)})
        self.protocol: ProxiedConnection | TcpLink = gate.new_connection()
        self.written = b""
        self.closed = False
        self.protocol.connection_made(self)

    def send(self, data: bytes) -> None:
        if not self.closed:
            self.protocol.get_buffer(-1)[: len(data)] = data
            self.protocol.buffer_updated(len(data))

    def set_protocol(self, protocol: asyncio.BaseProtocol) -> None:
        assert isinstance(protocol, TcpLink)
        self.protocol = protocol

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += data

    def get_write_buffer_size(self) -> int:
        return 0

    def pause_reading(self) -> None: ...

    def resume_reading(self) -> None: ...

    def is_closing(self) -> bool:
        return self.closed

    def abort(self) -> None:
        self.closed = True
        self.protocol.connection_lost(None)


@pytest.fixture
def proxied(make_bench: "Callable[..., Bench]") -> "Bench":
    return make_bench(proxy_protocol="required", proxy_trusted="10.0.0.0/8", allowed_networks="192.0.2.0/24")


def refused(bench: "Bench", reason: str) -> float:
    return bench.count("links_refused_total", reason=f"proxy_{reason}")


async def test_the_peer_is_whom_the_header_names_however_it_is_cut(proxied: "Bench") -> None:
    gate = ProxyGate(proxied.listener.context)
    whole, in_bytes = BalancerTransport(gate), BalancerTransport(gate)
    whole.send(HEADER + encode_login(DEVICE))
    for byte in HEADER.replace(b"5000", b"5001") + encode_login("143190975470"):
        in_bytes.send(bytes([byte]))

    assert [session.peer for session in proxied.bus.of(SESSIONS)] == ["192.0.2.1:5000", "192.0.2.1:5001"]
    assert whole.written[:2] == in_bytes.written[:2] == b"@@"
    assert not gate.waiting


async def test_the_allow_list_looks_at_the_peer_and_not_at_the_balancer(proxied: "Bench") -> None:
    stranger = BalancerTransport(ProxyGate(proxied.listener.context))
    stranger.send(HEADER.replace(b"192.0.2.1 ", b"203.0.113.7 "))

    assert stranger.closed
    assert proxied.count("links_refused_total", reason="not_allowed") == 1


async def test_a_health_check_is_let_in_as_the_balancer_itself(make_bench: "Callable[..., Bench]") -> None:
    bench = make_bench(proxy_protocol="required", proxy_trusted=BALANCER)
    check = BalancerTransport(ProxyGate(bench.listener.context))
    check.send(_LOCAL)
    check.send(encode_login(DEVICE))

    assert not check.closed
    assert [session.peer for session in bench.bus.of(SESSIONS)] == [f"{BALANCER}:40000"]


@pytest.mark.parametrize(
    ("host", "data", "reason"),
    [
        ("203.0.113.1", HEADER, "untrusted"),
        (BALANCER, encode_login(DEVICE), "missing"),
        (BALANCER, b"PROXY TCP4 nobody\r\n", "broken"),
    ],
)
async def test_what_comes_without_a_good_header_from_a_trusted_balancer_is_refused_and_counted(
    proxied: "Bench", host: str, data: bytes, reason: str
) -> None:
    gate = ProxyGate(proxied.listener.context)
    transport = BalancerTransport(gate, host)
    transport.send(data)

    assert transport.closed
    assert refused(proxied, reason) == 1
    assert proxied.count("links_opened_total") == 0
    assert not gate.waiting


async def test_who_is_slow_with_the_header_is_refused(proxied: "Bench") -> None:
    gate = ProxyGate(proxied.listener.context)
    transport = BalancerTransport(gate)
    transport.send(HEADER[:10])
    await proxied.clock.advance(5.0)
    gate.sweep()
    in_time = transport.closed
    await proxied.clock.advance(0.1)
    gate.sweep()

    assert not in_time
    assert transport.closed
    assert refused(proxied, "slow") == 1


async def test_a_connection_that_ends_within_its_header_is_counted_and_one_that_only_looked_is_not(
    proxied: "Bench",
) -> None:
    gate = ProxyGate(proxied.listener.context)
    looked, half = BalancerTransport(gate), BalancerTransport(gate)
    looked.abort()
    half.send(b"\r\n")
    half.abort()

    assert refused(proxied, "broken") == 1
    assert not gate.waiting


async def test_what_waits_for_its_header_does_not_outlive_a_drain(proxied: "Bench") -> None:
    gate = ProxyGate(proxied.listener.context)
    transport = BalancerTransport(gate)
    gate.close()

    assert transport.closed
    assert isinstance(transport.protocol, ProxiedConnection)
