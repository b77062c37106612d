"""Streams that arrive in pieces, and all that comes out of them."""

from collections.abc import Iterable

from vt600_protocol import Connection, Message, ProtocolError, Role

_LONGEST_PARTIAL_HEADER = 10


class Reader:
    """A connection with the messages and errors that came out of it."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self.messages: list[Message] = []
        self.errors: list[ProtocolError] = []

    def read(self, data: bytes | None) -> None:
        """Bytes, or with None the end of the stream."""
        if data is None:
            self.connection.receive_eof()
        else:
            self.connection.receive_data(data)
        while True:
            try:
                message = self.connection.next_message()
            except ProtocolError as error:
                self.errors.append(error)
                continue
            if message is None:
                return
            self.messages.append(message)

    def read_all(self, pieces: Iterable[bytes]) -> None:
        """The pieces, then the end."""
        for piece in pieces:
            self.read(piece)
        self.read(None)

    @property
    def is_closed(self) -> bool:
        """Whether an error has closed the stream."""
        return bool(self.errors) and self.errors[-1].closes_stream

    @property
    def outcome(self) -> tuple[list[Message], list[tuple[str, str, bytes]], int | None]:
        """All that two readings of one stream have in common. Heartbeats are not counted to the end of a stream that is closed."""
        told = [(error.reason, str(error), error.raw) for error in self.errors]
        return self.messages, told, None if self.is_closed else self.connection.heartbeats


class BoundedReader(Reader):
    """Asserts after each piece that no more is held than the bounds allow, and that nothing comes out of a closed stream."""

    def __init__(self, role: Role, *, max_frame: int, max_rubbish: int) -> None:
        super().__init__(Connection(role, max_frame_bytes=max_frame, max_rubbish_bytes=max_rubbish))
        self._held_most = max(max_frame, _LONGEST_PARTIAL_HEADER)
        self._kept_most = self._held_most + max_rubbish

    def read(self, data: bytes | None) -> None:
        """Bytes, or with None the end of the stream."""
        was_closed, before = self.is_closed, len(self.messages) + len(self.errors)
        super().read(data)
        buffer = self.connection._buffer

        assert not was_closed or before == len(self.messages) + len(self.errors), "something behind the end"
        assert len(buffer) <= self._held_most, "more is held than a frame"
        assert len(buffer._data) + len(buffer._rubbish) <= self._kept_most, "more is kept than the bounds"
