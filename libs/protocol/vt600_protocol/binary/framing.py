"""Cutting and checking `$$`/`@@` frames (SPEC §3.1–§3.3)."""

import re

from vt600_protocol.checksum import crc16
from vt600_protocol.errors import ContentError
from vt600_protocol.framing import FALSE_HEADER, NEEDS_MORE

MIN_FRAME = 17
MAX_FRAME = 2048
UPLINK_PREFIX = b"$$"
DOWNLINK_PREFIX = b"@@"
UPLINK_HEADER = re.compile(rb"\$\$[\x00-\x08]")
DOWNLINK_HEADER = re.compile(rb"@@[\x00-\x08]")
END = b"\r\n"

_PHOTO_COMMANDS = (b"\x08\x00", b"\x99\x88")
_NO_CRC = b"\xff\xff"


def measure(buffer: bytearray, at: int) -> int:
    """The length that the frame at `at` declares; the length counts the whole frame (SPEC §3.1)."""
    if len(buffer) - at < 4:
        return NEEDS_MORE
    length = buffer[at + 2] << 8 | buffer[at + 3]
    return length if MIN_FRAME <= length <= MAX_FRAME else FALSE_HEADER


def verify(frame: bytes) -> str | None:
    """What is wrong with the CRC, if anything. Photo frames of one camera carry `FF FF` instead of one (SPEC §3.2)."""
    expected = crc16(memoryview(frame)[:-4])
    found = frame[-4] << 8 | frame[-3]
    if expected == found or (frame[-4:-2] == _NO_CRC and frame[11:13] in _PHOTO_COMMANDS):
        return None
    return f"the CRC is {found:04X} and should be {expected:04X}"


def unpack_id(packed: bytes) -> str:
    """The identity from its seven packed bytes (SPEC §3.3)."""
    digits, _, _ = packed.hex().partition("f")
    if digits and not digits.isdecimal():
        raise ContentError(f"the identity {packed.hex()} holds digits that are none", dialect="binary")
    return digits


def pack_id(device_id: str) -> bytes:
    """The identity as seven packed bytes."""
    if len(device_id) > 14 or not (device_id.isdecimal() and device_id.isascii()):
        raise ValueError(f"a binary identity has 1 to 14 digits, not {device_id!r}")
    return bytes.fromhex(device_id.ljust(14, "f"))


def build(prefix: bytes, device_id: str, command: str, data: bytes) -> bytes:
    """A whole frame around `data`; `command` is four hex digits."""
    length = MIN_FRAME + len(data)
    head = prefix + length.to_bytes(2, "big") + pack_id(device_id) + bytes.fromhex(command) + data
    return head + crc16(head).to_bytes(2, "big") + END
