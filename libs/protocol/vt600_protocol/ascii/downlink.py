"""ASCII frames as a device receives them → messages (SPEC §4.2, §4.7)."""

from vt600_protocol.ascii import commands
from vt600_protocol.messages import CommandFrame, Confirmation, Message


def decode(frame: bytes) -> Message:
    """The message of a whole `$$` frame with a right sum."""
    body = frame[frame.index(b",", 3) + 1 : -4].decode("latin-1")
    device_id, _, rest = body.partition(",")
    code, comma, parameters = rest.partition(",")
    packet_no, content = chr(frame[2]), parameters.encode("latin-1")
    if code in ("010", "020") and parameters == "1":
        return Confirmation(
            dialect="ascii", device_id=device_id, code=code, packet_no=packet_no, raw=frame, content=content
        )
    return CommandFrame(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        command=commands.decode(code, parameters if comma else None),
    )
