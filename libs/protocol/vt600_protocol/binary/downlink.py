"""Binary frames as a device receives them → messages (SPEC §3.5, §3.10)."""

from vt600_protocol.binary import commands
from vt600_protocol.binary.framing import unpack_id
from vt600_protocol.messages import CommandFrame, LoginReply, Message


def decode(frame: bytes) -> Message:
    """The message of a whole `@@` frame with a right CRC. An empty identity means every device."""
    device_id = unpack_id(frame[4:11])
    code = frame[11:13].hex().upper()
    content = frame[13:-4]
    if code == "4000":
        return LoginReply(
            dialect="binary",
            device_id=device_id,
            code=code,
            packet_no=None,
            raw=frame,
            content=content,
            accepted=content == b"\x01",
        )
    return CommandFrame(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        command=commands.decode(code, content),
    )
