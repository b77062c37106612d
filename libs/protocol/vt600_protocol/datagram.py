"""One UDP datagram: whole frames of one dialect, one or more; nothing carries over to the next (SPEC §2)."""

from dataclasses import dataclass

from vt600_protocol.connection import Connection
from vt600_protocol.errors import ProtocolError
from vt600_protocol.messages import Message, Role

_LONGEST_DATAGRAM = 65_535


@dataclass(frozen=True, slots=True)
class Datagram:
    """What one datagram held; `heartbeats` counts its bare `00` bytes."""

    messages: tuple[Message, ...]
    errors: tuple[ProtocolError, ...]
    heartbeats: int


def decode_datagram(data: bytes, role: Role = "server") -> Datagram:
    """All messages of a datagram, and an error for each part that is none."""
    connection = Connection(role, max_rubbish_bytes=_LONGEST_DATAGRAM)
    connection.receive_data(data)
    connection.receive_eof()
    messages: list[Message] = []
    errors: list[ProtocolError] = []
    while True:
        try:
            message = connection.next_message()
        except ProtocolError as error:
            errors.append(error)
            continue
        if message is None:
            return Datagram(tuple(messages), tuple(errors), connection.heartbeats)
        messages.append(message)
