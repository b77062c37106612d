"""A stream of one tracker, fed with bytes and pulled for messages. Each byte is scanned once; memory is bounded."""

from vt600_protocol.dialects import framings
from vt600_protocol.errors import ChecksumError, FrameError, ProtocolError, RubbishError
from vt600_protocol.framing import NEEDS_MORE, Framing
from vt600_protocol.messages import Dialect, Message, Role

_END = b"\r\n"
_COMPACT_BYTES = 65_536
_LONGEST_HEADER = 4


class Connection:
    """One stream, in either role. The dialect is decided by the first plausible header and stays (SPEC §1).

    `heartbeats` counts the bare `00` bytes between frames (SPEC §3.5).
    """

    __slots__ = (
        "_at",
        "_buffer",
        "_finished",
        "_framing",
        "_framings",
        "_max_frame_bytes",
        "_max_rubbish_bytes",
        "_rubbish",
        "_search_at",
        "heartbeats",
    )

    def __init__(self, role: Role = "server", *, max_frame_bytes: int = 4096, max_rubbish_bytes: int = 4096) -> None:
        self._framings = framings(role)
        self._framing: Framing | None = None
        self._buffer = bytearray()
        self._at = 0
        self._search_at = 0
        self._rubbish = b""
        self._max_frame_bytes = max_frame_bytes
        self._max_rubbish_bytes = max_rubbish_bytes
        self._finished = False
        self.heartbeats = 0

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the stream, None until the first header."""
        return None if self._framing is None else self._framing.dialect

    @property
    def buffered_bytes(self) -> int:
        """Bytes received that are neither a message nor given up yet."""
        return len(self._buffer) - self._at

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the network; after a closing error they are ignored."""
        if self._finished:
            return
        if self._at == len(self._buffer):
            self._buffer = bytearray(data)
            self._at = self._search_at = 0
        else:
            if self._at >= _COMPACT_BYTES:
                del self._buffer[: self._at]
                self._search_at -= self._at
                self._at = 0
            self._buffer += data

    def next_message(self) -> Message | None:
        """The next message, None when more bytes are needed; ProtocolError for what was dropped (then call again)."""
        if self._finished:
            return None
        while self._at < len(self._buffer):
            header = self._find_header()
            framing = self._framing
            if header is None or framing is None:
                self._skip_to(self._keep_from())
                return None
            size = framing.measure(self._buffer, header)
            if size == NEEDS_MORE or size > len(self._buffer) - header:
                if size <= self._max_frame_bytes:
                    self._skip_to(header)
                    return None
                size = 0
            if size <= 0 or size > self._max_frame_bytes or self._buffer[header + size - 2 : header + size] != _END:
                self._search_at = header + 1  # a false header: drop one byte (SPEC §3.1)
                continue
            self._skip_to(header)
            if self._rubbish:
                raise self._take_rubbish()
            self._at = self._search_at = header + size
            return self._decode(framing, bytes(self._buffer[header : self._at]))
        self._buffer = bytearray()
        self._at = self._search_at = 0
        return None

    def finish(self) -> ProtocolError | None:
        """What the stream leaves behind when it ends: rubbish or half a frame, None when it ends clean."""
        left = self._rubbish + bytes(self._buffer[self._at :])
        self._finished = True
        self._buffer = bytearray()
        self._at = 0
        left = left.strip(b"\0")
        return FrameError("the stream ended inside a frame", raw=left, dialect=self.dialect) if left else None

    def _find_header(self) -> int | None:
        """The offset of the next plausible header; decides the dialect when it was open."""
        if self._framing is not None:
            match = self._framing.header.search(self._buffer, self._search_at)
            return None if match is None else match.start()
        found = [
            (match.start(), number)
            for number, framing in enumerate(self._framings)
            if (match := framing.header.search(self._buffer, self._search_at)) is not None
        ]
        if not found:
            return None
        at, number = min(found)
        self._framing = self._framings[number]
        return at

    def _keep_from(self) -> int:
        """Without a header in sight: the offset from which the bytes may be the beginning of one."""
        end = len(self._buffer)
        for at in range(max(self._search_at, end - _LONGEST_HEADER + 1), end):
            tail = bytes(self._buffer[at:])
            for framing in self._framings if self._framing is None else (self._framing,):
                if tail[:2] == framing.prefix[: len(tail)]:
                    return at
        return end

    def _skip_to(self, at: int) -> None:
        """Give up the bytes before `at`: heartbeats, or rubbish that is kept for the report."""
        if at > self._at:
            skipped = bytes(self._buffer[self._at : at])
            odd = skipped if self._rubbish else skipped.lstrip(b"\0")
            self.heartbeats += len(skipped) - len(odd)
            self._rubbish += odd
            self._at = at
        self._search_at = at
        if len(self._rubbish) > self._max_rubbish_bytes:
            self._finished = True
            self._buffer = bytearray()
            self._at = 0
            raise self._take_rubbish(closes_stream=True)

    def _take_rubbish(self, *, closes_stream: bool = False) -> RubbishError:
        rubbish = self._rubbish.rstrip(b"\0")
        self.heartbeats += len(self._rubbish) - len(rubbish)
        self._rubbish = b""
        return RubbishError(
            f"{len(rubbish)} bytes that are no frame", raw=rubbish, dialect=self.dialect, closes_stream=closes_stream
        )

    def _decode(self, framing: Framing, frame: bytes) -> Message:
        problem = framing.verify(frame)
        if problem is not None:
            raise ChecksumError(problem, raw=frame, dialect=framing.dialect)
        try:
            return framing.decode(frame)
        except ProtocolError as error:
            error.raw = frame
            raise
