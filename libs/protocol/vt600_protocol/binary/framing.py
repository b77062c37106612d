"""Cutting and checking `$$`/`@@` frames (SPEC §3.1–§3.3)."""

import re

from vt600_protocol.checksum import crc16
from vt600_protocol.errors import ContentError

MIN_FRAME = 17
MAX_FRAME = 2048
UPLINK_PREFIX = b"$$"
DOWNLINK_PREFIX = b"@@"
END = b"\r\n"

# 17–2048 as two bytes, and what may be the first of them.
_LENGTH = rb"(\x00[\x11-\xff]|[\x01-\x07].|\x08\x00)"
_FIRST = rb"[\x00-\x08]?"

UPLINK_HEADER = re.compile(rb"\$\$" + _LENGTH, re.DOTALL)
UPLINK_PARTIAL = re.compile(rb"\$(?:\$" + _FIRST + rb")?\Z")
DOWNLINK_HEADER = re.compile(rb"@@" + _LENGTH, re.DOTALL)
DOWNLINK_PARTIAL = re.compile(rb"@(?:@" + _FIRST + rb")?\Z")

_PHOTO_COMMANDS = (b"\x08\x00", b"\x99\x88")
_NO_CRC = b"\xff\xff"


def size(length: bytes, _header_bytes: int) -> int:
    """The length field counts the whole frame (SPEC §3.1)."""
    return length[0] << 8 | length[1]


def verify(frame: bytes) -> str | None:
    """What is wrong with the CRC, if anything. Photo frames of one camera carry `FF FF` instead of one (SPEC §3.2)."""
    expected = crc16(frame[:-4])
    found = frame[-4] << 8 | frame[-3]
    if expected == found or (frame[-4:-2] == _NO_CRC and frame[11:13] in _PHOTO_COMMANDS):
        return None
    return f"the CRC is {found:04X} and should be {expected:04X}"


def unpack_id(packed: bytes) -> str:
    """The identity from its seven packed bytes (SPEC §3.3); empty when the first digit is `F` already."""
    digits, _, _ = packed.hex().partition("f")
    if digits and not digits.isdecimal():
        raise ContentError(f"the identity {packed.hex()} holds digits that are none")
    return digits


def is_identity(device_id: str) -> bool:
    """Whether it is 1 to 14 digits."""
    return len(device_id) <= 14 and device_id.isdecimal() and device_id.isascii()


def pack_id(device_id: str) -> bytes:
    """The identity as seven packed bytes."""
    if not is_identity(device_id):
        raise ValueError(f"a binary identity has 1 to 14 digits, not {device_id!r}")
    return bytes.fromhex(device_id.ljust(14, "f"))


def build(prefix: bytes, device_id: str, command: str, data: bytes) -> bytes:
    """A whole frame around `data`; `command` is four hex digits."""
    length = MIN_FRAME + len(data)
    if length > MAX_FRAME:
        raise ValueError(f"a binary frame has at most {MAX_FRAME} bytes, not {length}")
    head = prefix + length.to_bytes(2, "big") + pack_id(device_id) + bytes.fromhex(command) + data
    return head + crc16(head).to_bytes(2, "big") + END
