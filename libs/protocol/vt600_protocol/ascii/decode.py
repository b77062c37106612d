"""ASCII uplink frames → messages (SPEC §4.2, §4.5, §4.7). What is neither report nor reply is Unknown, whole and raw."""

from collections.abc import Callable, Mapping

from vt600_protocol.ascii.commands import COMMANDS
from vt600_protocol.ascii.framing import is_identity
from vt600_protocol.ascii.position import decode_position
from vt600_protocol.ascii.replies import WORD
from vt600_protocol.errors import ContentError
from vt600_protocol.messages import CommandReply, CompressedRecords, Heartbeat, Message, SerialData, Unknown
from vt600_protocol.values import printable

Decoder = Callable[[str, str, str, bytes, bytes], Message]


def decode(frame: bytes) -> Message:
    """The message of a whole frame whose length, end and sum are right. ContentError when it cannot be read."""
    packet_no = chr(frame[2])
    name, _, rest = frame[frame.index(b",", 3) + 1 : -4].partition(b",")
    device_id = name.decode("latin-1")
    if not is_identity(device_id):
        raise ContentError(f"the identity {printable(device_id)!r} is not 3 to 16 letters or digits")
    command, _, content = rest.partition(b",")
    code = command.decode("latin-1")
    decoder = KINDS.get(code)
    if decoder is not None:
        return decoder(device_id, code, packet_no, frame, content)
    if len(code) == 3 and code.isdecimal():
        return _reply(device_id, code, packet_no, frame, content)
    if len(code) != 3 or printable(code) != code:
        code, content = "", rest  # nothing that could be called a command
    return _unknown(device_id, code, packet_no, frame, content)


def _plain(kind: type[Message]) -> Decoder:
    """Decodes frames whose data has no meaning of its own."""

    def decode(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> Message:
        return kind(dialect="ascii", device_id=device_id, code=code, packet_no=packet_no, raw=frame, content=content)

    return decode


_unknown = _plain(Unknown)


def _reply(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> CommandReply:
    _, form = COMMANDS.replies.get(code, (code, WORD))
    ok, reason, values = form.read(content)
    return CommandReply(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        answers=code,
        ok=ok,
        reason=reason,
        values=values,
        text=printable(content.decode("latin-1")),
    )


# All that is no reply.
KINDS: Mapping[str, Decoder] = {
    "000": decode_position,
    "010": decode_position,
    "020": _plain(CompressedRecords),
    "030": _plain(Heartbeat),
    "710": _plain(SerialData),
}
