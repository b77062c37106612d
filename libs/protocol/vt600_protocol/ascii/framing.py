"""Cutting and checking `&&`/`$$` text frames (SPEC §4.1)."""

import re

from vt600_protocol.checksum import byte_sum
from vt600_protocol.framing import FALSE_HEADER, NEEDS_MORE

UPLINK_PREFIX = b"&&"
DOWNLINK_PREFIX = b"$$"
MAX_FRAME = 4096
UPLINK_HEADER = re.compile(rb"&&[\x3a-\x7e][0-9]")
DOWNLINK_HEADER = re.compile(rb"\$\$[\x3a-\x7e][0-9]")
END = b"\r\n"

_LENGTH = re.compile(rb"([0-9]{1,4}),")
_MIN_LENGTH = 8  # `,ID,cmd` with an identity of three characters
_MAX_DIGITS = 4


def measure(buffer: bytearray, at: int) -> int:
    """The whole length of the frame at `at`: its length field counts from the first comma to the last data byte."""
    match = _LENGTH.match(buffer, at + 3, at + 8)
    if match is None:
        rest = buffer[at + 3 : at + 8]
        return NEEDS_MORE if len(rest) <= _MAX_DIGITS and (not rest or rest.isdigit()) else FALSE_HEADER
    length = int(match[1])
    size = match.end() - 1 - at + length + 4
    return size if length >= _MIN_LENGTH and size <= MAX_FRAME else FALSE_HEADER


def verify(frame: bytes) -> str | None:
    """What is wrong with the sum, if anything; both cases of its hex digits are accepted."""
    expected = b"%02X" % byte_sum(frame[:-4])
    found = frame[-4:-2]
    if found == expected or found.upper() == expected:
        return None
    return f"the sum is {found.decode('latin-1')} and should be {expected.decode()}"


def build(prefix: bytes, packet_no: str, device_id: str, command: str, data: bytes | None) -> bytes:
    """A whole frame; `data` is what follows the command and its comma, None for a frame without data."""
    body = f",{device_id},{command}".encode("ascii") + (b"" if data is None else b"," + data)
    head = prefix + packet_no.encode("ascii") + b"%d" % len(body) + body
    return head + b"%02X" % byte_sum(head) + END
