"""Packet captures → streams and datagrams, with the optional package dpkt (`pip install 'vt600-protocol[pcap]'`).

TCP segments are put together per direction in the order of their sequence numbers; what was sent twice is taken once. What the
capture missed is missing.
"""

from collections.abc import Iterator
from importlib import import_module
from io import BytesIO
from ipaddress import ip_address
from types import ModuleType
from typing import Any

from vt600_protocol.tools.hex_input import InputError

_MAGIC = tuple(map(bytes.fromhex, ("d4c3b2a1", "a1b2c3d4", "4d3cb2a1", "a1b23c4d", "0a0d0d0a")))
_SEQUENCE_NUMBERS = 1 << 32

_Segments = list[tuple[int, bytes]]


def is_capture(content: bytes) -> bool:
    """Whether it begins like a pcap or pcapng file."""
    return content.startswith(_MAGIC)


def read_capture(content: bytes) -> list[tuple[str, bytes]]:
    """Name and bytes of each TCP stream's direction and of each UDP datagram that holds any; InputError when it cannot be read."""
    try:
        dpkt = import_module("dpkt")
    except ImportError as error:
        needs = "a capture needs the package dpkt to be read: pip install 'vt600-protocol[pcap]'"
        raise InputError("invalid_capture", needs) from error
    streams: dict[str, _Segments] = {}
    found: list[tuple[str, bytes | _Segments]] = []
    try:
        for packet in _ip_packets(dpkt, content):
            payload = packet.data
            if isinstance(payload, dpkt.udp.UDP) and payload.data:
                found.append((f"UDP {_route(packet)}", bytes(payload.data)))
            elif isinstance(payload, dpkt.tcp.TCP):
                name = f"TCP {_route(packet)}"
                if payload.flags & dpkt.tcp.TH_SYN or name not in streams:
                    streams[name] = []
                    found.append((name, streams[name]))
                streams[name].append((payload.seq, bytes(payload.data)))
    except (dpkt.Error, ValueError) as error:
        raise InputError("invalid_capture", f"this capture cannot be read: {error or type(error).__name__}") from error
    joined = ((name, data if isinstance(data, bytes) else _joined(data)) for name, data in found)
    return [(name, data) for name, data in joined if data]


def _ip_packets(dpkt: ModuleType, content: bytes) -> Iterator[Any]:
    reader = dpkt.pcap.UniversalReader(BytesIO(content))
    links = {
        dpkt.pcap.DLT_EN10MB: dpkt.ethernet.Ethernet,
        dpkt.pcap.DLT_LINUX_SLL: dpkt.sll.SLL,
        dpkt.pcap.DLT_NULL: dpkt.loopback.Loopback,
    }
    link = links.get(reader.datalink())
    for _time, frame in reader:
        try:
            packet = _bare_ip(dpkt, frame) if link is None else link(frame).data
        except dpkt.UnpackError:
            continue
        if isinstance(packet, dpkt.ip.IP | dpkt.ip6.IP6):
            yield packet


def _bare_ip(dpkt: ModuleType, frame: bytes) -> object:
    """A packet of a capture without link headers."""
    return (dpkt.ip6.IP6 if frame[:1] >= b"\x60" else dpkt.ip.IP)(frame)


def _route(packet: Any) -> str:  # noqa: ANN401 - of an optional package
    payload = packet.data
    return f"{ip_address(packet.src)}:{payload.sport} > {ip_address(packet.dst)}:{payload.dport}"


def _joined(segments: _Segments) -> bytes:
    """The bytes of one direction. Sequence numbers count from the first, may wrap, and lie within half their range."""
    half = _SEQUENCE_NUMBERS // 2
    first = segments[0][0]
    placed = sorted(((number - first + half) % _SEQUENCE_NUMBERS - half, payload) for number, payload in segments)
    pieces = []
    begun = placed[0][0]
    for offset, payload in placed:
        pieces.append(payload[max(0, begun - offset) :])
        begun = max(begun, offset + len(payload))
    return b"".join(pieces)
