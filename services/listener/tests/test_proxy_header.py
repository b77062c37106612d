"""The PROXY header alone: its two versions, in any pieces, and whatever else comes."""

import struct
from ipaddress import IPv4Address, IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vt600_listener.proxy_header import ProxyHeader, ProxyHeaderError, parse_proxy_header

V2 = b"\r\n\r\n\x00\r\nQUIT\n"
addresses = st.ip_addresses(v=4) | st.ip_addresses(v=6)
ports = st.integers(0, 0xFFFF)


def version_1(source: IPv4Address | IPv6Address, port: int) -> bytes:
    family, other = ("TCP4", "192.0.2.9") if source.version == 4 else ("TCP6", "2001:db8::9")
    return f"PROXY {family} {source} {other} {port} 8888\r\n".encode()


def version_2(
    source: IPv4Address | IPv6Address, port: int, *, command: int = 1, protocol: int = 1, additions: bytes = b""
) -> bytes:
    family = 0x10 if source.version == 4 else 0x20
    body = source.packed + bytes(len(source.packed)) + struct.pack(">HH", port, 8888) + additions
    return V2 + struct.pack(">BBH", 0x20 | command, family | protocol, len(body)) + body


def shown(source: IPv4Address | IPv6Address) -> str:
    mapped = source.ipv4_mapped if isinstance(source, IPv6Address) else None
    return str(mapped or source)


@given(addresses, ports, st.binary(max_size=300), st.binary(max_size=40), st.sampled_from((version_1, version_2)))
def test_a_header_is_read_whatever_follows_and_every_part_of_it_waits_for_the_rest(
    source: IPv4Address | IPv6Address, port: int, additions: bytes, rest: bytes, version: object
) -> None:
    header = version_1(source, port) if version is version_1 else version_2(source, port, additions=additions)

    assert parse_proxy_header(header + rest) == ProxyHeader(len(header), (shown(source), port))
    assert {parse_proxy_header(header[:size]) for size in range(len(header))} == {None}


@given(
    st.binary(max_size=200)
    | st.binary(max_size=200).map(lambda rest: V2 + rest)
    | st.binary(max_size=200).map(lambda rest: V2 + b"\x21" + rest)
    | st.binary(max_size=200).map(lambda rest: b"PROXY " + rest)
    | st.text("TCP46 0123456789.:abf%\r\n", max_size=120).map(lambda text: b"PROXY TCP" + text.encode())
)
def test_any_bytes_are_a_header_or_its_beginning_or_refused_for_good(data: bytes) -> None:
    seen: list[ProxyHeader | str | None] = []
    for size in range(len(data) + 1):
        try:
            seen.append(parse_proxy_header(data[:size]))
        except ProxyHeaderError as error:
            seen.append(error.reason)
    settled = [what for what in seen if what is not None]

    assert seen == [None] * (len(seen) - len(settled)) + settled
    assert len(set(settled)) <= 1
    assert all(what.size <= len(data) for what in settled if isinstance(what, ProxyHeader))


@pytest.mark.parametrize(
    "header",
    [
        b"PROXY UNKNOWN\r\n",
        b"PROXY UNKNOWN ffff:f...f:ffff ffff:f...f:ffff 65535 65535\r\n",
        version_2(IPv4Address("192.0.2.1"), 1, command=0),
        V2 + b"\x20\x00\x00\x00",
        V2 + b"\x21\x00\x00\x00",
        V2 + b"\x21\x31" + struct.pack(">H", 216) + bytes(216),
    ],
)
def test_a_balancer_may_speak_for_itself_or_not_know_the_peer(header: bytes) -> None:
    assert parse_proxy_header(header + b"more") == ProxyHeader(len(header), None)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"$$\x00\x11", "missing"),
        (b"&&A30,", "missing"),
        (b"proxy TCP4", "missing"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 5000\r\n", "broken"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 5000 65536\r\n", "broken"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 05000 1\r\n", "broken"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 +500 1\r\n", "broken"),
        (b"PROXY TCP4  192.0.2.1 192.0.2.2 5000 1\r\n", "broken"),
        (b"PROXY TCP4 2001:db8::1 192.0.2.2 5000 1\r\n", "broken"),
        (b"PROXY TCP6 192.0.2.1 2001:db8::2 5000 1\r\n", "broken"),
        (b"PROXY TCP6 fe80::1%eth0 2001:db8::2 5000 1\r\n", "broken"),
        (b"PROXY TCP6 \xff::1 2001:db8::2 5000 1\r\n", "broken"),
        (b"PROXY UDP4 192.0.2.1 192.0.2.2 5000 1\r\n", "broken"),
        (b"PROXY TCP4 " + bytes(100), "broken"),
        (V2 + b"\x11\x11\x00\x0c", "broken"),
        (V2 + b"\x22\x11\x00\x0c", "broken"),
        (V2 + b"\x21\x11\x00\x0b", "broken"),
        (V2 + b"\x21\x11\x10\x01", "broken"),
        (version_2(IPv4Address("192.0.2.1"), 1, protocol=2), "broken"),
    ],
)
def test_what_is_no_header_is_refused_with_a_reason(data: bytes, reason: str) -> None:
    with pytest.raises(ProxyHeaderError) as refused:
        parse_proxy_header(data)

    assert refused.value.reason == reason
