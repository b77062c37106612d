"""Streams that arrive in pieces, and all that comes out of them."""

from collections.abc import Iterable

from vt600_protocol import Connection, Message, ProtocolError


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
    def outcome(self) -> tuple[list[Message], list[str], int]:
        """Everything that two readings of one stream must have in common."""
        return self.messages, [f"{error.reason} {error}" for error in self.errors], self.connection.heartbeats
