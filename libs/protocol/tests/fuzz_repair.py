"""Lengths and checksums made right again, so that mutated frames get past the checks and into the decoders."""

import re

from vt600_protocol.checksum import byte_sum, crc16

_FRAMES = re.compile(rb"(?<=\r\n)(?=\0*(?:\$\$|&&|@@))")
_ASCII_HEADER = re.compile(rb"(&&|\$\$)([\x3a-\x7e])[0-9]*,")
_MIN_BINARY, _MAX_BINARY = 17, 2048


def repair(data: bytes) -> bytes:
    """The same frames with right lengths, sums and ends, and the same heartbeat bytes in front of them."""
    return b"".join(_repair_frame(frame) for frame in _FRAMES.split(data))


def _repair_frame(data: bytes) -> bytes:
    frame = data.lstrip(b"\0")
    heartbeats = data[: len(data) - len(frame)]
    header = _ASCII_HEADER.match(frame)
    if header is not None:
        body = b"," + frame[header.end() :][:-4]
        head = header[1] + header[2] + b"%d" % len(body) + body
        return heartbeats + head + b"%02X\r\n" % byte_sum(head)
    if frame[:2] in (b"$$", b"@@") and _MIN_BINARY <= len(frame) <= _MAX_BINARY:
        head = frame[:2] + len(frame).to_bytes(2, "big") + frame[4:-4]
        return heartbeats + head + crc16(head).to_bytes(2, "big") + b"\r\n"
    return data
