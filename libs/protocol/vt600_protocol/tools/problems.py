"""What is wrong with a frame, in sentences for people."""

from dataclasses import dataclass

from vt600_protocol.framing import Framing
from vt600_protocol.messages import Dialect
from vt600_protocol.tools.cutting import direction_of
from vt600_protocol.tools.findings import Flow

_END = b"\r\n"
_TRAILER_BYTES = 4
_LENGTH_DIGITS = 7
_SENDERS = {"up": "a device", "down": "a server"}
_NAMES = {"binary": "binary", "ascii": "ASCII"}


@dataclass(frozen=True, slots=True)
class Size:
    """What the length field says (None when it is no number), what it should say, and where sum or CRC begin."""

    declared: int | None
    counted: int
    body_end: int


def measure(framing: Framing, raw: bytes) -> Size:
    """The size of a frame. Without CR LF at its end it ends where the length field says."""
    declared: int | None = int.from_bytes(raw[2:4], "big")
    uncounted = 0
    if framing.dialect == "ascii":
        comma = raw.find(b",", 3)
        digits = raw[3:comma] if comma > 0 else b""
        declared = int(digits) if digits.isdigit() and len(digits) <= _LENGTH_DIGITS else None
        uncounted = comma + _TRAILER_BYTES
    counted = len(raw) - uncounted
    if raw.endswith(_END) or declared is None:
        return Size(declared, counted, len(raw) - _TRAILER_BYTES)
    return Size(declared, counted, min(declared + uncounted - _TRAILER_BYTES, len(raw)))


def checksum_problem(framing: Framing, raw: bytes, size: Size) -> str | None:
    """What is wrong with sum or CRC; None too when it is not there."""
    checked = raw[: size.body_end + 2]
    if len(checked) < size.body_end + 2:
        return None
    problem = framing.verify(checked + _END)
    return None if problem is None else "".join(letter if letter.isprintable() else "?" for letter in problem)


def size_problem(framing: Framing, raw: bytes, size: Size) -> str | None:
    """What is wrong with length and end."""
    if size.declared is None:
        return "the length field is no number"
    off = size.declared - size.counted
    if raw.endswith(_END):
        says = f"length field says {size.declared}, the frame has {size.counted} bytes (off by {abs(off)})"
        return says if off else _header_problem(framing, raw)
    if off > 2:
        return f"cut off: length field says {size.declared}, {off} bytes are missing"
    if off == 2:
        return "the CR LF at the end is missing"
    return f"ends in {raw[off - 2 :].hex(' ').upper()} instead of CR LF"


def _header_problem(framing: Framing, raw: bytes) -> str | None:
    """A right length is of no use beside a packet number that is none, or outside what a receiver accepts."""
    header = framing.header.match(raw)
    if header is not None and framing.size(header[1], header.end()):
        return None
    return "no receiver takes it: its packet number or its length is not one that a frame may have (§3.1, §4.1)"


def stray_problems(framing: Framing, expected: Flow, dialect: Dialect | None) -> list[str]:
    """Why a receiver skips a frame, however good, in this place: from the wrong side, or of another dialect than the stream."""
    problems = []
    flow = direction_of(framing)
    if flow != expected:
        problems.append(f"looks like a frame from {_SENDERS[flow]}, and frames from {_SENDERS[expected]} are expected")
    if dialect is not None and framing.dialect != dialect:
        problems.append(
            f"looks like the other dialect: {_NAMES[framing.dialect]} in a stream that is {_NAMES[dialect]}"
        )
    return problems
