"""Where frames begin and end in bytes, the good ones exactly as a receiver cuts them (SPEC §1, §3.1, §4.1).

What a receiver takes is cut by the ReceiveBuffer. What lies between is cut here, so that a frame with a wrong length, a wrong end or
of the wrong side is shown as what it was meant to be.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise

from vt600_protocol.buffer import ReceiveBuffer
from vt600_protocol.dialects import received_by
from vt600_protocol.errors import ProtocolError
from vt600_protocol.framing import Framing
from vt600_protocol.tools.findings import FindingKind, Flow

_LONGEST_FRAME = 4096
_SHORTEST = {"binary": 17, "ascii": 12}

_UP, _DOWN = received_by("server").framings, received_by("device").framings
_BINARY_UP, _ASCII_UP = _UP
_BINARY_DOWN, _ASCII_DOWN = _DOWN

_MARK = rb"\$\$|&&|@@"  # what any frame begins with
_BEGINNING = re.compile(rb"(?=" + _MARK + rb")")
_HEADER = re.compile(b"(?=" + b"|".join(framing.header.pattern for framing in (*_UP, *_DOWN)) + b")", re.DOTALL)
_BOUNDARY = re.compile(rb"\0{0,8}(?:\Z|" + _MARK + rb")")
_LAST_LINE_END = re.compile(rb"\r\n(?=" + _BOUNDARY.pattern + rb")")
_ASCII_BEGINNING = re.compile(rb"\$\$[\x3a-\x7e]")


@dataclass(frozen=True, slots=True)
class Piece:
    """The bytes from `start` to `end`. A frame has a framing; it is `taken` when a receiver would read it."""

    kind: FindingKind
    start: int
    end: int
    framing: Framing | None = None
    taken: bool = False


def direction_of(framing: Framing) -> Flow:
    """Which way frames of this framing go."""
    return "up" if framing in _UP else "down"


def guess_direction(data: bytes) -> Flow:
    """Which way these bytes went, by their first good frame, else by their first header; from a device when there is none."""
    pieces = sorted(cut(data, None), key=lambda piece: not piece.taken)
    return next((direction_of(piece.framing) for piece in pieces if piece.framing is not None), "up")


def cut(data: bytes, direction: Flow | None) -> list[Piece]:
    """Pieces that cover the data, in order. Without a direction, frames of both are looked for."""
    taken = sorted(
        (piece for flow in (("up", "down") if direction is None else (direction,)) for piece in _taken(data, flow)),
        key=lambda piece: piece.start,
    )
    pieces: list[Piece] = []
    position = 0
    for piece in taken:
        if piece.start >= position:
            pieces += _between(data, position, piece.start)
            pieces.append(piece)
            position = piece.end
    return pieces + _between(data, position, len(data))


def _taken(data: bytes, direction: str) -> Iterator[Piece]:
    """The frames that a receiver reads."""
    role = received_by("server" if direction == "up" else "device")
    buffer = ReceiveBuffer(role, max_frame_bytes=_LONGEST_FRAME, max_rubbish_bytes=len(data))
    buffer.feed(data)
    buffer.end()
    position = 0
    while True:
        try:
            frame = buffer.next_frame()
        except ProtocolError:
            continue  # rubbish, which is looked at by _between
        if frame is None or buffer.framing is None:
            return
        start = data.index(frame, position)
        position = start + len(frame)
        yield Piece("frame", start, position, buffer.framing, taken=True)


def _between(data: bytes, start: int, end: int) -> list[Piece]:
    """Heartbeats, rubbish, and frames that no receiver would take."""
    gap = _Gap(data[start:end])
    pieces: list[Piece] = []
    done = 0
    for at in gap.beginnings:
        if at < done:
            continue
        framing = _meant(gap.data, at)
        frame_end = gap.end_of(at, framing)
        if frame_end is None:
            continue
        pieces += _odd(gap.data, done, at)
        pieces.append(Piece("frame", at, frame_end, framing))
        done = frame_end
    pieces += _odd(gap.data, done, len(gap.data))
    return [Piece(piece.kind, piece.start + start, piece.end + start, piece.framing) for piece in pieces]


def _odd(data: bytes, start: int, end: int) -> list[Piece]:
    """Zeros at either end are heartbeats, what stands between them is rubbish."""
    odd = data[start:end]
    first = start + len(odd) - len(odd.lstrip(b"\0"))
    last = max(first, start + len(odd.rstrip(b"\0")))
    kinds: tuple[FindingKind, ...] = ("heartbeat", "rubbish", "heartbeat")
    spans = pairwise((start, first, last, end))
    return [Piece(kind, *span) for kind, span in zip(kinds, spans, strict=True) if span[0] < span[1]]


def _meant(data: bytes, at: int) -> Framing:
    """The framing of a frame that begins here, if it is one."""
    if data.startswith(b"&&", at):
        return _ASCII_UP
    if data.startswith(b"@@", at):
        return _BINARY_DOWN
    return _ASCII_DOWN if _ASCII_BEGINNING.match(data, at) else _BINARY_UP


class _Gap:
    """Bytes between good frames, and where in them frames may begin and end; each is looked for once."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.beginnings = [match.start() for match in _BEGINNING.finditer(data)]
        self._headers = [match.start() for match in _HEADER.finditer(data)] + [len(data)]
        self._line_ends = [match.end() for match in _LAST_LINE_END.finditer(data)] + [len(data) + 1]

    def end_of(self, at: int, framing: Framing) -> int | None:
        """Where the frame that begins here ends; None when it is none.

        That is where its length field says if something begins there, else behind the next CR LF, else where its length field says,
        or as far as there is anything; never beyond the next header.
        """
        whole = len(self.data)
        header = framing.header.match(self.data, at)
        size = 0 if header is None else framing.size(header[1], header.end() - at)
        declared = at + size
        if size and declared <= whole and _BOUNDARY.match(self.data, declared):
            return declared
        limit = self._headers[bisect_right(self._headers, at)]
        line_end = self._line_ends[bisect_right(self._line_ends, at)]
        if line_end <= limit:
            return line_end if line_end - at >= _SHORTEST[framing.dialect] else None
        if header is None or not size or limit < header.end():
            return None
        return min(declared, limit)
