"""Binary uplink frames → messages (SPEC §3.4, §3.5). What is not in the table of kinds is Unknown, whole and raw."""

from collections.abc import Callable

from vt600_protocol.binary.framing import unpack_id
from vt600_protocol.binary.position import decode_alarm, decode_position
from vt600_protocol.binary.replies import FLAG_REPLIES, VALUE_REPLIES, decode_flag, decode_values
from vt600_protocol.errors import ContentError
from vt600_protocol.messages import Heartbeat, Login, Message, Unknown

Decoder = Callable[[str, str, bytes, bytes], Message]


def decode(frame: bytes) -> Message:
    """The message of a whole frame whose length, end and CRC are right. ContentError when it cannot be read."""
    device_id = unpack_id(frame[4:11])
    if not device_id.strip("0"):
        raise ContentError(f"the identity {device_id!r} is of no unit: it was never set")  # SPEC §3.3, §5
    code = frame[11:13].hex().upper()
    return _KINDS.get(code, _unknown)(device_id, code, frame, frame[13:-4])


def _login(device_id: str, code: str, frame: bytes, content: bytes) -> Login:
    return Login(dialect="binary", device_id=device_id, code=code, packet_no=None, raw=frame, content=content)


def _heartbeat(device_id: str, code: str, frame: bytes, content: bytes) -> Heartbeat:
    return Heartbeat(dialect="binary", device_id=device_id, code=code, packet_no=None, raw=frame, content=content)


def _unknown(device_id: str, code: str, frame: bytes, content: bytes) -> Unknown:
    return Unknown(
        dialect="binary", device_id=device_id, code=code, packet_no=None, raw=frame, content=content, confirm=False
    )


_KINDS: dict[str, Decoder] = {
    "9955": decode_position,
    "9999": decode_alarm,
    "5000": _login,
    "0001": _heartbeat,
    **dict.fromkeys(FLAG_REPLIES, decode_flag),
    **dict.fromkeys(VALUE_REPLIES, decode_values),
}
