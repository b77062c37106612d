"""Bytes in, frames of right length and end out (SPEC §1, §3.1, §4.1).

Each byte is scanned once: `_start` is the first byte that is neither delivered nor given up, `_scan` how far the search for a
header has come. A header whose frame does not end where it says was a false one; the search goes on one byte behind it.
"""

from vt600_protocol.errors import FrameError, ProtocolError, RubbishError
from vt600_protocol.framing import Direction, Framing
from vt600_protocol.messages import Dialect

_END = b"\r\n"
_LONGEST_PARTIAL = 10


class ReceiveBuffer:
    """What has arrived of one stream and is no frame yet. It is bounded if all frames are taken after each `feed`.

    The first whole frame decides the dialect; until then `framing` is the one of a frame that is still incomplete, if any.
    `heartbeats` counts the `00` bytes outside frames (SPEC §3.5).
    """

    __slots__ = (
        "_choice",
        "_closed",
        "_data",
        "_ended",
        "_header",
        "_max_frame_bytes",
        "_max_rubbish_bytes",
        "_odd_bytes",
        "_pending",
        "_rubbish",
        "_scan",
        "_start",
        "_torn",
        "framing",
        "heartbeats",
    )

    def __init__(self, direction: Direction, *, max_frame_bytes: int, max_rubbish_bytes: int) -> None:
        self._choice = direction.framings
        self._header = direction.header
        self._max_frame_bytes = max_frame_bytes
        self._max_rubbish_bytes = max_rubbish_bytes
        self._pending: list[bytes] = []
        self._data = b""
        self._start = self._scan = 0
        self._rubbish = b""
        self._odd_bytes = 0
        self._closed = self._ended = self._torn = False
        self.framing: Framing | None = None
        self.heartbeats = 0

    def __len__(self) -> int:
        return len(self._data) - self._start + sum(map(len, self._pending))

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the stream, None until the first header."""
        return None if self.framing is None else self.framing.dialect

    def feed(self, data: bytes) -> None:
        """Take bytes from the network; after a closing error they are ignored."""
        if not self._closed:
            self._pending.append(bytes(data))

    def end(self) -> None:
        """Nothing will follow, so nothing is waited for any more."""
        self._ended = True

    def leave(self) -> ProtocolError | None:
        """Close it; an error for what it still holds, None when that is nothing."""
        self._join()
        left = (self._rubbish + self._data[self._start :]).strip(b"\0")
        self._rubbish = b""
        self._close()
        return FrameError("the stream ended inside a frame", raw=left, dialect=self.dialect) if left else None

    def next_frame(self) -> bytes | None:
        """The next frame, None when more bytes are needed; a ProtocolError for bytes that are no frame (then ask again)."""
        if self._pending:
            self._join()
        data = self._data
        while (match := self._header.search(data, self._scan)) is not None:
            at = match.start()
            framing = self._choice[(match.lastindex or 1) - 1]
            size = framing.size(match[match.lastindex or 1], match.end() - at)
            end = at + (size if size <= self._max_frame_bytes else 0)
            if end > len(data) and not self._ended:
                self.framing = framing
                self._keep_from(at)
                return None
            if at < end <= len(data) and data[end - 2 : end] == _END:
                if at > self._start:
                    self._give_up(at)
                if self._rubbish:
                    raise self._report()
                if len(self._choice) > 1:
                    self._decide(framing)
                self._start = self._scan = end
                return data[at:end]
            self._torn = self._torn or end > len(data)
            self._scan = at + 1  # a false header: drop one byte (SPEC §3.1)
        if len(self._choice) > 1:
            self.framing = None
        self._keep_from(self._partial_header())
        if self._ended and self._rubbish:
            raise self._report()
        return None

    def _join(self) -> None:
        rest = self._data[self._start :]
        self._data = b"".join((rest, *self._pending)) if rest or len(self._pending) != 1 else self._pending[0]
        self._pending.clear()
        self._scan -= self._start
        self._start = 0

    def _decide(self, framing: Framing) -> None:
        self.framing = framing
        self._choice = (framing,)
        self._header = framing.header

    def _partial_header(self) -> int:
        """Where the last bytes may be the beginning of a header that is still incomplete; the end when they cannot."""
        end = len(self._data)
        if self._ended:
            return end
        search_at = max(self._scan, end - _LONGEST_PARTIAL)
        starts = [
            match.start()
            for framing in self._choice
            if (match := framing.partial.search(self._data, search_at)) is not None
        ]
        return min(starts, default=end)

    def _keep_from(self, at: int) -> None:
        """Give up what lies before `at`, and hold no more memory than what lies behind it."""
        self._give_up(at)
        self._data = self._data[at:]
        self._start = self._scan = 0

    def _give_up(self, at: int) -> None:
        """The bytes before `at` are heartbeats or rubbish, which is remembered for the report as far as the bound."""
        dropped = self._data[self._start : at]
        self._start = self._scan = at
        zeros = dropped.count(0)
        self.heartbeats += zeros
        self._odd_bytes += len(dropped) - zeros
        if self._odd_bytes:
            room = self._max_rubbish_bytes - len(self._rubbish)
            self._rubbish += (dropped if self._rubbish else dropped.lstrip(b"\0"))[:room]
        if self._odd_bytes > self._max_rubbish_bytes:
            self._close()
            raise self._report()

    def _close(self) -> None:
        self._closed = True
        self._data = b""
        self._start = self._scan = 0

    def _report(self) -> ProtocolError:
        """What is known of the rubbish so far, which is then forgotten."""
        rubbish, odd_bytes, torn = self._rubbish.rstrip(b"\0"), self._odd_bytes, self._torn
        self._rubbish = b""
        self._odd_bytes = 0
        self._torn = False
        if torn and self._start == len(self._data):
            return FrameError("the stream ended inside a frame", raw=rubbish, dialect=self.dialect)
        amount = f"more than {self._max_rubbish_bytes}" if self._closed else f"{odd_bytes}"
        return RubbishError(
            f"{amount} bytes that are no frame", raw=rubbish, dialect=self.dialect, closes_stream=self._closed
        )
