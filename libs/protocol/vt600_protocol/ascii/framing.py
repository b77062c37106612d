"""Cutting and checking `&&`/`$$` text frames (SPEC §4.1)."""

import re

from vt600_protocol.checksum import byte_sum

UPLINK_PREFIX = b"&&"
DOWNLINK_PREFIX = b"$$"
MAX_FRAME = 4096
END = b"\r\n"

_MIN_LENGTH = 8  # `,ID,cmd` with an identity of three characters
_TRAILER_BYTES = 4  # sum, CR, LF

# The packet number, then the length: the comma is within eight bytes.
_REST = rb"[\x3a-\x7e]([0-9]{1,7}),"
_REST_SO_FAR = rb"(?:[\x3a-\x7e][0-9]{0,7})?"

UPLINK_HEADER = re.compile(rb"&&" + _REST)
UPLINK_PARTIAL = re.compile(rb"&(?:&" + _REST_SO_FAR + rb")?\Z")
DOWNLINK_HEADER = re.compile(rb"\$\$" + _REST)
DOWNLINK_PARTIAL = re.compile(rb"\$(?:\$" + _REST_SO_FAR + rb")?\Z")


def size(length: bytes, header_bytes: int) -> int:
    """The length field counts from the comma that ends the header to the last data byte; 0 when it cannot be."""
    declared = int(length)
    whole = header_bytes - 1 + declared + _TRAILER_BYTES
    return whole if declared >= _MIN_LENGTH and whole <= MAX_FRAME else 0


def verify(frame: bytes) -> str | None:
    """What is wrong with the sum, if anything; both cases of its hex digits are accepted."""
    expected = b"%02X" % byte_sum(frame[:-4])
    found = frame[-4:-2]
    if found == expected or found.upper() == expected:
        return None
    return f"the sum is {found.decode('latin-1')} and should be {expected.decode()}"


def is_identity(device_id: str) -> bool:
    """Whether it is 3 to 16 letters or digits."""
    return 3 <= len(device_id) <= 16 and device_id.isascii() and device_id.isalnum()


def build(prefix: bytes, packet_no: str, device_id: str, command: str, data: bytes | None) -> bytes:
    """A whole frame; `data` is what follows the command and its comma, None for a frame without data."""
    body = f",{device_id},{command}".encode("latin-1") + (b"" if data is None else b"," + data)
    head = prefix + packet_no.encode("latin-1") + b"%d" % len(body) + body
    if len(head) + _TRAILER_BYTES > MAX_FRAME:
        raise ValueError(f"an ASCII frame has at most {MAX_FRAME} bytes, not {len(head) + _TRAILER_BYTES}")
    return head + b"%02X" % byte_sum(head) + END
