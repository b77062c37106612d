"""The header of the PROXY protocol, versions 1 and 2, by which a balancer tells whom it connects. Pure: bytes in, an address out.

Clauses are those of "The PROXY protocol" by HAProxy Technologies, of 2020/03/05.
"""

import struct
from dataclasses import dataclass
from ipaddress import AddressValueError, IPv4Address, IPv6Address

_V1_BEGIN = b"PROXY "
_V1_BYTES = 107  # §2.1: the longest line, with its CRLF
_V2_BEGIN = b"\r\n\r\n\x00\r\nQUIT\n"
_V2_FIXED_BYTES = 16
_V2_MORE_BYTES = 4096  # addresses and what a balancer adds; the field itself could say 65535
_V2_ADDRESSES = {1: struct.Struct(">4s4sHH"), 2: struct.Struct(">16s16sHH")}
_LOCAL, _PROXY, _STREAM = 0, 1, 1


class ProxyHeaderError(ValueError):
    """These bytes do not begin with a header that we take. `reason` is a word for metrics."""

    def __init__(self, reason: str, sentence: str) -> None:
        super().__init__(sentence)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class ProxyHeader:
    """How many bytes it takes, and the peer's address; None when the balancer speaks for itself or does not know."""

    size: int
    source: tuple[str, int] | None


def parse_proxy_header(data: bytes) -> ProxyHeader | None:
    """The header at the beginning of what came so far, None while more is needed; ProxyHeaderError when it is none."""
    if data.startswith(_V1_BEGIN):
        return _version_1(data)
    if data.startswith(_V2_BEGIN):
        return _version_2(data)
    if _V1_BEGIN.startswith(data) or _V2_BEGIN.startswith(data):
        return None
    raise ProxyHeaderError("missing", "no PROXY header")


def _version_1(data: bytes) -> ProxyHeader | None:
    end = data.find(b"\r\n", 0, _V1_BYTES)
    if end < 0:
        if len(data) >= _V1_BYTES:
            raise _broken("a line without end")
        return None
    family, *rest = data[len(_V1_BEGIN) : end].split(b" ")
    if family == b"UNKNOWN":  # §2.1: whatever follows is to be ignored
        return ProxyHeader(end + 2, None)
    if family not in (b"TCP4", b"TCP6") or len(rest) != 4:
        raise _broken("not TCP4 or TCP6 with two addresses and two ports")
    source, destination, source_port, destination_port = rest
    _text_address(family, destination)
    _text_port(destination_port)
    return ProxyHeader(end + 2, (_text_address(family, source), _text_port(source_port)))


def _text_address(family: bytes, text: bytes) -> str:
    try:
        if family == b"TCP4":
            return str(IPv4Address(text.decode("ascii")))
        address = IPv6Address(text.decode("ascii"))
    except (AddressValueError, UnicodeDecodeError):
        raise _broken("an address that is none") from None
    if address.scope_id is not None:
        raise _broken("an address with a zone")
    return _shown(address)


def _text_port(text: bytes) -> int:
    if not text.isdigit() or len(text) > 5 or (text[:1] == b"0" and text != b"0") or int(text) > 0xFFFF:
        raise _broken("a port that is none")
    return int(text)


def _version_2(data: bytes) -> ProxyHeader | None:
    if len(data) < _V2_FIXED_BYTES:
        return None
    version_and_command, family_and_protocol, more = struct.unpack_from(">BBH", data, len(_V2_BEGIN))
    command = version_and_command & 0x0F
    if version_and_command >> 4 != 2 or command not in (_LOCAL, _PROXY):
        raise _broken("a version or command that is not known")
    if more > _V2_MORE_BYTES:
        raise _broken(f"{more} bytes of addresses and additions")
    family, protocol = family_and_protocol >> 4, family_and_protocol & 0x0F
    addresses = _V2_ADDRESSES.get(family)
    if command == _PROXY and addresses is not None and (protocol != _STREAM or more < addresses.size):
        raise _broken("not a stream, or no room for its addresses")
    size = _V2_FIXED_BYTES + more
    if len(data) < size:
        return None
    if command == _LOCAL or addresses is None:  # §2.2: then the addresses are to be ignored
        return ProxyHeader(size, None)
    source, _destination, port, _destination_port = addresses.unpack_from(data, _V2_FIXED_BYTES)
    host = str(IPv4Address(source)) if len(source) == 4 else _shown(IPv6Address(source))
    return ProxyHeader(size, (host, port))


def _shown(address: IPv6Address) -> str:
    """A mapped IPv4 address is shown as IPv4, as that of any other peer is."""
    return str(address.ipv4_mapped or address)


def _broken(what: str) -> ProxyHeaderError:
    return ProxyHeaderError("broken", f"a PROXY header with {what}")
