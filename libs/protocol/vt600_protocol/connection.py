"""A stream of one tracker, fed with bytes and pulled for messages."""

from vt600_protocol.buffer import ReceiveBuffer
from vt600_protocol.dialects import received_by
from vt600_protocol.errors import ChecksumError, ProtocolError
from vt600_protocol.messages import Dialect, Message, Role


class Connection:
    """One stream, in either role; both dialects, the first whole frame decides. Memory is bounded."""

    __slots__ = ("_buffer",)

    def __init__(self, role: Role = "server", *, max_frame_bytes: int = 4096, max_rubbish_bytes: int = 4096) -> None:
        self._buffer = ReceiveBuffer(
            received_by(role), max_frame_bytes=max_frame_bytes, max_rubbish_bytes=max_rubbish_bytes
        )

    @property
    def dialect(self) -> Dialect | None:
        """The dialect of the stream, None until the first header."""
        return self._buffer.dialect

    @property
    def heartbeats(self) -> int:
        """The bare `00` bytes between frames so far (SPEC §3.5)."""
        return self._buffer.heartbeats

    @property
    def buffered_bytes(self) -> int:
        """Bytes received that are neither a message nor given up yet."""
        return len(self._buffer)

    def receive_data(self, data: bytes) -> None:
        """Take bytes from the network; after a closing error they are ignored."""
        self._buffer.feed(data)

    def receive_eof(self) -> None:
        """No more bytes will come: `next_message` waits for nothing any more, looks behind half a frame and reports it."""
        self._buffer.end()

    def finish(self) -> ProtocolError | None:
        """What the stream leaves behind, unread, as one error; None when it ends clean."""
        return self._buffer.leave()

    def next_message(self) -> Message | None:
        """The next message, None when more bytes are needed; ProtocolError for what was dropped (then call again)."""
        frame = self._buffer.next_frame()
        framing = self._buffer.framing
        if frame is None or framing is None:
            return None
        problem = framing.verify(frame)
        if problem is not None:
            raise ChecksumError(problem, raw=frame, dialect=framing.dialect)
        try:
            return framing.decode(frame)
        except ProtocolError as error:
            error.raw = frame
            error.dialect = framing.dialect
            raise
