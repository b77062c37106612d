"""Binary frames as a device receives them → messages (SPEC §3.5, §3.9, §3.10)."""

from typing import Any

from vt600_protocol.binary.commands import COMMANDS
from vt600_protocol.binary.framing import unpack_id
from vt600_protocol.messages import CommandFrame, HeartbeatReply, LoginReply, Message, ServerAddress
from vt600_protocol.photos import PhotoReply
from vt600_protocol.values import printable

_YES = b"\x01"


def decode(frame: bytes) -> Message:
    """The message of a whole `@@` frame with a right CRC. An empty identity means every device."""
    device_id = unpack_id(frame[4:11])
    code = frame[11:13].hex().upper()
    content = frame[13:-4]
    head: dict[str, Any] = {
        "dialect": "binary",
        "device_id": device_id,
        "code": code,
        "packet_no": None,
        "raw": frame,
        "content": content,
    }
    match code:
        case "4000":
            return LoginReply(**head, accepted=content == _YES)
        case "0001" if content == _YES:
            return HeartbeatReply(**head)
        case "0002":
            return ServerAddress(**head, address=printable(content.decode("latin-1")))
        case "8801" if len(content) == 1:
            return PhotoReply(**head, photo=content[0], complete=False)
        case "6688" if len(content) == 3:
            return PhotoReply(**head, photo=content[0], complete=True)
    return CommandFrame(**head, command=COMMANDS.decode(code, content))
