"""ASCII uplink frames → messages (SPEC §4.2, §4.5, §4.7). What is neither report nor reply is Unknown, whole and raw."""

from collections.abc import Callable

from vt600_protocol.ascii.framing import is_identity
from vt600_protocol.ascii.position import decode_position
from vt600_protocol.errors import ContentError
from vt600_protocol.messages import CommandReply, Heartbeat, Message, Unknown
from vt600_protocol.values import printable

Decoder = Callable[[str, str, str, bytes, bytes], Message]

_REFUSALS = ("UNSUPPORT", "FAILED")


def decode(frame: bytes) -> Message:
    """The message of a whole frame whose length, end and sum are right. ContentError when it cannot be read."""
    packet_no = chr(frame[2])
    name, _, rest = frame[frame.index(b",", 3) + 1 : -4].partition(b",")
    device_id = name.decode("latin-1")
    if not is_identity(device_id):
        raise ContentError(f"the identity {printable(device_id)!r} is not 3 to 16 letters or digits")
    if not device_id.strip("0"):
        raise ContentError(f"the identity {device_id!r} is of no unit: it was never set")  # SPEC §5
    command, _, content = rest.partition(b",")
    code = command.decode("latin-1")
    decoder = _KINDS.get(code)
    if decoder is not None:
        return decoder(device_id, code, packet_no, frame, content)
    if len(code) == 3 and code.isdecimal():
        return _reply(device_id, code, packet_no, frame, content)
    if len(code) != 3 or printable(code) != code:
        code, content = "", rest  # nothing that could be called a command
    return _unknown(device_id, code, packet_no, frame, content)


def _heartbeat(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> Heartbeat:
    return Heartbeat(dialect="ascii", device_id=device_id, code=code, packet_no=packet_no, raw=frame, content=content)


def _unknown(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> Unknown:
    return Unknown(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        confirm=code == "020",
    )


def _reply(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> CommandReply:
    text = printable(content.decode("latin-1"))
    word = text.strip().upper()
    refused = word in _REFUSALS
    return CommandReply(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        answers=code,
        ok=True if word == "OK" else False if refused else None,
        reason=text.strip() if refused else None,
        text=text,
    )


# `020` and `710` are no replies: records that are kept until confirmed, and bytes of an accessory.
_KINDS: dict[str, Decoder] = {
    "000": decode_position,
    "010": decode_position,
    "020": _unknown,
    "030": _heartbeat,
    "710": _unknown,
}
