"""What must hold for any bytes in either role; the fuzzer and the kept cases use it."""

from itertools import pairwise

from streams import Reader

from vt600_protocol import Connection, Message, Role, decode_datagram, encode_uplink
from vt600_protocol.tools.explain import explain

_MAX_FRAME = _MAX_RUBBISH = 4096
_LONGEST_EXPLAINED = 512  # explaining is for people, and slow
_EXPLAINED_ONE_IN = 32

Reading = tuple[list[Message], list[str], int]


def check(role: Role, data: bytes, cuts: list[int]) -> None:
    """Raises when the bytes give anything but messages and ProtocolErrors, or give other ones when they come in pieces."""
    whole = _read(role, [data])
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    assert _read(role, [data[start:end] for start, end in pairwise(edges)]) == whole, "pieces differ"
    assert all(message.raw in data for message in whole[0]), "a message of bytes that were never sent"
    datagram = decode_datagram(data, role)
    for message in datagram.messages:
        assert message.raw in data, "a datagram's message of bytes that were never sent"
        if role == "server":
            _encode(message)
    if len(data) <= _LONGEST_EXPLAINED and sum(data) % _EXPLAINED_ONE_IN == 0:
        parts = [part for finding in explain(data).findings for part in finding.parts]
        assert b"".join(part.raw for part in parts) == data, "what is explained is not what was given"


def _read(role: Role, pieces: list[bytes]) -> Reading:
    reader = Reader(Connection(role, max_frame_bytes=_MAX_FRAME, max_rubbish_bytes=_MAX_RUBBISH))
    for piece in [*pieces, None]:
        reader.read(piece)
        assert reader.connection.buffered_bytes <= _MAX_FRAME, "more is held than a frame"
    return reader.outcome


def _encode(message: Message) -> None:
    """What was read can be written, or has no form; nothing else happens."""
    try:
        encode_uplink(message)
    except ValueError:
        return
