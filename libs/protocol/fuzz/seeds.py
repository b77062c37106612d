"""What fuzzing begins with: the published frames, and a small frame of every code in both dialects."""

import json
from collections.abc import Iterator
from pathlib import Path

from vt600_protocol import Role
from vt600_protocol.ascii import decode as ascii_decode
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import decode as binary_decode
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.command_types import TABLES

_VECTORS = Path(__file__).parents[3] / "docs" / "protocol" / "vectors.json"
_DIRECTIONS: dict[Role, str] = {"server": "uplink", "device": "downlink"}
_DATA = (b"", b"\x01", b"OK", b"1,1,1,1")
_BINARY_ID, _ASCII_ID = "143190975469", "865429043319537"
_JUNK = (b"\0", b"\0\0rubbish", b"$$\x01\xff", b"@@\x01\xff", b"&&A0000300,", b"$$A0000300,")


def seeds(role: Role) -> Iterator[tuple[str, bytes]]:
    """Names and bytes."""
    published = []
    for vector in json.loads(_VECTORS.read_text())["vectors"]:
        if vector["direction"] == _DIRECTIONS[role]:
            published.append(bytes.fromhex(vector["hex"]))
            yield vector["id"], published[-1]
    for number, junk in enumerate(_JUNK):
        yield f"stream-{number}", published[0] + junk + published[-1]
    for code in _binary_codes(role):
        for number, data in enumerate(_DATA):
            prefix = binary_framing.UPLINK_PREFIX if role == "server" else binary_framing.DOWNLINK_PREFIX
            yield f"binary-{code}-{number}", binary_framing.build(prefix, _BINARY_ID, code, data)
    for code in _ascii_codes(role):
        for number, data in enumerate(_DATA):
            prefix = ascii_framing.UPLINK_PREFIX if role == "server" else ascii_framing.DOWNLINK_PREFIX
            yield f"ascii-{code}-{number}", ascii_framing.build(prefix, "A", _ASCII_ID, code, data or None)


def _binary_codes(role: Role) -> list[str]:
    if role == "server":
        return list(binary_decode.KINDS)
    return sorted({row.code for row in TABLES["binary"].rows} | {"4000", "0001", "0002", "8801", "6688"})


def _ascii_codes(role: Role) -> list[str]:
    codes = {row.code for row in TABLES["ascii"].rows}
    return sorted(codes | (ascii_decode.KINDS.keys() if role == "server" else {"010", "020"}))
