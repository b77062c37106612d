"""Packet captures become streams and datagrams, or one sentence."""

import struct
from contextlib import suppress
from io import BytesIO
from typing import Any

import dpkt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from vt600_protocol.tools.capture import is_capture, read_capture
from vt600_protocol.tools.hex_input import InputError

SYN, ACK = dpkt.tcp.TH_SYN, dpkt.tcp.TH_ACK
DEVICE, SERVER = b"\x0a\0\0\1", b"\x0a\0\0\2"


def ip(payload: Any, *, back: bool = False) -> bytes:
    """An IPv4 packet between the device and the server."""
    source, target = (SERVER, DEVICE) if back else (DEVICE, SERVER)
    protocol = dpkt.ip.IP_PROTO_TCP if isinstance(payload, dpkt.tcp.TCP) else dpkt.ip.IP_PROTO_UDP
    return bytes(dpkt.ip.IP(src=source, dst=target, p=protocol, data=payload, len=20 + len(payload)))


def tcp(seq: int, data: bytes = b"", flags: int = ACK, *, back: bool = False) -> bytes:
    """A TCP segment in an IPv4 packet."""
    ports = {"sport": 8888, "dport": 40000} if back else {"sport": 40000, "dport": 8888}
    return ip(dpkt.tcp.TCP(**ports, seq=seq % 2**32, flags=flags, data=data), back=back)


def udp(data: bytes) -> bytes:
    """A UDP datagram in an IPv4 packet."""
    return ip(dpkt.udp.UDP(sport=40000, dport=8888, data=data, ulen=8 + len(data)))


def capture(*packets: bytes, link: int = dpkt.pcap.DLT_EN10MB) -> bytes:
    """A pcap file of IP packets."""
    heads = {
        dpkt.pcap.DLT_EN10MB: bytes(12) + b"\x08\0",
        dpkt.pcap.DLT_LINUX_SLL: bytes(14) + b"\x08\0",
        dpkt.pcap.DLT_NULL: struct.pack("<I", 2),
    }
    file = BytesIO()
    writer = dpkt.pcap.Writer(file, linktype=link)
    for packet in packets:
        writer.writepkt(heads.get(link, b"") + packet, ts=0)
    return file.getvalue()


@pytest.mark.parametrize("link", [dpkt.pcap.DLT_EN10MB, dpkt.pcap.DLT_LINUX_SLL, dpkt.pcap.DLT_NULL, dpkt.pcap.DLT_RAW])
def test_datagrams_are_taken_one_by_one(link: int) -> None:
    content = capture(udp(b"one"), udp(b""), udp(b"two"), link=link)

    assert is_capture(content)
    assert read_capture(content) == [
        ("UDP 10.0.0.1:40000 > 10.0.0.2:8888", b"one"),
        ("UDP 10.0.0.1:40000 > 10.0.0.2:8888", b"two"),
    ]


def test_a_stream_is_put_together_per_direction_in_sequence_order() -> None:
    content = capture(
        tcp(99, flags=SYN),
        tcp(499, flags=SYN | ACK, back=True),
        tcp(103, b"def"),
        tcp(100, b"abc"),
        tcp(500, b"xyz", back=True),
        tcp(100, b"abcd"),
        tcp(106, b""),
    )

    assert read_capture(content) == [
        ("TCP 10.0.0.1:40000 > 10.0.0.2:8888", b"abcdef"),
        ("TCP 10.0.0.2:8888 > 10.0.0.1:40000", b"xyz"),
    ]


def test_a_stream_without_its_beginning_may_wrap_and_come_in_any_order() -> None:
    content = capture(tcp(2, b"cd"), tcp(-2, b"yzab"), tcp(-2, b"yzab"))

    assert [data for _, data in read_capture(content)] == [b"yzabcd"]


def test_the_same_ports_again_are_another_stream() -> None:
    content = capture(tcp(9, flags=SYN), tcp(10, b"a"), tcp(70, flags=SYN), tcp(71, b"b"))

    assert [data for _, data in read_capture(content)] == [b"a", b"b"]


def test_ipv6_and_what_is_no_ip_are_told_apart() -> None:
    datagram = dpkt.udp.UDP(sport=1, dport=2, data=b"six", ulen=11)
    six = bytes(dpkt.ip6.IP6(src=bytes(15) + b"\1", dst=bytes(15) + b"\2", nxt=17, hlim=9, plen=11, data=datagram))
    raw = capture(six, b"\x45", link=dpkt.pcap.DLT_RAW)
    arp = capture(b"")
    icmp = capture(ip(dpkt.udp.UDP(data=b"")).replace(b"\x11", b"\x01", 1))

    assert read_capture(raw) == [("UDP ::1:1 > ::2:2", b"six")]
    assert read_capture(arp) == []
    assert read_capture(icmp) == []


def test_a_capture_that_cannot_be_read_is_refused_with_a_sentence() -> None:
    for content in (b"\xd4\xc3\xb2\xa1", b"\x0a\x0d\x0d\x0a" + bytes(40), capture(udp(b"x"))[:10]):
        with pytest.raises(InputError, match="this capture cannot be read") as refusal:
            read_capture(content)

        assert refusal.value.code == "invalid_capture"


def test_a_missing_dpkt_is_said_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    monkeypatch.setattr("vt600_protocol.tools.capture.import_module", missing)
    with pytest.raises(InputError, match=r"pip install 'vt600-protocol\[pcap\]'"):
        read_capture(capture())


@given(st.integers(0, 200), st.integers(0, 8), st.binary(max_size=8), st.booleans())
def test_a_damaged_capture_is_read_or_refused(at: int, count: int, new: bytes, raw: bool) -> None:
    link = dpkt.pcap.DLT_RAW if raw else dpkt.pcap.DLT_EN10MB
    content = capture(tcp(99, flags=SYN), udp(b"one"), tcp(100, b"abc"), link=link)
    damaged = content[:at] + new + content[at + count :]
    with suppress(InputError):  # anything else fails the test
        assert all(data for _, data in read_capture(damaged))
