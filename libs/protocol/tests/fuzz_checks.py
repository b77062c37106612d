"""What must hold for any bytes in either role; the fuzzer, the tests of streams and the kept cases use it."""

from itertools import pairwise

from streams import BoundedReader

from vt600_protocol import (
    CommandError,
    CommandFrame,
    Message,
    Role,
    decode_datagram,
    encode_command,
    encode_uplink,
)
from vt600_protocol.tools.explain import explain

HEAD_BYTES = 4  # of an input of the fuzzer: how the rest is read, and three places where it is cut
_BOUND = 4096
_SMALL_FRAME, _SMALL_RUBBISH = 64, 40  # short inputs reach these
_LONGEST_EXPLAINED = 512  # explaining is for people, and slow
_EXPLAINED_ONE_IN = 64


def check_input(role: Role, data: bytes) -> None:
    """One input of the fuzzer: a stream or a datagram."""
    if len(data) < HEAD_BYTES:
        return
    choice, rest = data[0], data[HEAD_BYTES:]
    if choice & 1:
        check_datagram(role, rest)
        return
    cuts = [byte * (len(rest) + 1) // 256 for byte in data[1:HEAD_BYTES]]
    max_frame = _SMALL_FRAME if choice & 2 else _BOUND
    max_rubbish = _SMALL_RUBBISH if choice & 4 else _BOUND
    check_stream(role, rest, cuts, max_frame=max_frame, max_rubbish=max_rubbish)


def check_stream(
    role: Role, data: bytes, cuts: list[int], *, max_frame: int = _BOUND, max_rubbish: int = _BOUND
) -> None:
    """Raises when the bytes give anything but messages and ProtocolErrors, or other ones when they come in pieces."""
    edges = [0, *sorted(cut % (len(data) + 1) for cut in cuts), len(data)]
    whole = BoundedReader(role, max_frame=max_frame, max_rubbish=max_rubbish)
    pieces = BoundedReader(role, max_frame=max_frame, max_rubbish=max_rubbish)
    whole.read(data)
    for start, end in pairwise(edges):
        pieces.read(data[start:end])
    assert pieces.outcome == whole.outcome, "pieces differ"

    whole.read(None)
    pieces.read(None)
    assert pieces.outcome == whole.outcome, "pieces differ at the end"
    assert all(message.raw in data for message in whole.messages), "a message of bytes that were never sent"


def check_datagram(role: Role, data: bytes) -> None:
    """The same for one datagram; what was read can be written again, and explained."""
    for message in decode_datagram(data, role).messages:
        assert message.raw in data, "a message of bytes that were never sent"
        _encode(message, role)
    if len(data) <= _LONGEST_EXPLAINED and sum(data) % _EXPLAINED_ONE_IN == 0:
        parts = [part for finding in explain(data).findings for part in finding.parts]
        assert b"".join(part.raw for part in parts) == data, "what is explained is not what was given"


def _encode(message: Message, role: Role) -> None:
    """What was read can be written, or has no form; a command that was written reads the same."""
    if role == "server":
        try:
            encode_uplink(message)
        except ValueError:
            return
    elif isinstance(message, CommandFrame) and message.command is not None:
        try:
            encoded = encode_command(message.command, device_id=message.device_id, dialect=message.dialect)
        except CommandError:
            return
        (again,) = decode_datagram(encoded.payload, role).messages
        assert isinstance(again, CommandFrame)
        assert again.command == message.command, "another command"
