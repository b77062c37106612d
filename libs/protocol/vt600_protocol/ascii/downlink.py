"""ASCII frames as a device receives them → messages (SPEC §4.2, §4.7)."""

from vt600_protocol.ascii.commands import COMMANDS
from vt600_protocol.messages import CommandFrame, Confirmation, Message


def decode(frame: bytes) -> Message:
    """The message of a whole `$$` frame with a right sum."""
    name, _, rest = frame[frame.index(b",", 3) + 1 : -4].partition(b",")
    command, _, content = rest.partition(b",")
    device_id, code, packet_no = name.decode("latin-1"), command.decode("latin-1"), chr(frame[2])
    if code in ("010", "020") and content == b"1":
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
        command=COMMANDS.decode(code, content),
    )
