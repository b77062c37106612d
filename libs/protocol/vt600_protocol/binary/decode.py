"""Binary uplink frames → messages (SPEC §3.4, §3.5). What is in no table is Unknown, whole and raw."""

from collections.abc import Mapping

from vt600_protocol.binary import others
from vt600_protocol.binary.commands import COMMANDS
from vt600_protocol.binary.framing import unpack_id
from vt600_protocol.binary.position import decode_alarm, decode_position
from vt600_protocol.errors import ContentError
from vt600_protocol.messages import CommandReply, Heartbeat, Login, Message, ServerQuery
from vt600_protocol.values import printable

_UNPRINTABLE = "hex:"


def decode(frame: bytes) -> Message:
    """The message of a whole frame whose length, end and CRC are right. ContentError when it cannot be read."""
    device_id = unpack_id(frame[4:11])
    if not device_id:
        raise ContentError("the identity is empty")  # SPEC §3.3: for downlinks only
    code = frame[11:13].hex().upper()
    return KINDS.get(code, others.unknown)(device_id, code, frame, frame[13:-4])


def _reply(device_id: str, code: str, frame: bytes, content: bytes) -> CommandReply:
    answers, form = COMMANDS.replies[code]
    ok, reason, values = form.read(content)
    text = printable(content.decode("latin-1"))
    return CommandReply(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        answers=answers,
        ok=ok,
        reason=reason,
        values=values,
        text=text.removeprefix(_UNPRINTABLE).upper() if text.startswith(_UNPRINTABLE) else text,
    )


KINDS: Mapping[str, others.Decoder] = {
    **dict.fromkeys(COMMANDS.replies, _reply),
    "5000": others.plain(Login),
    "9955": decode_position,
    "9999": decode_alarm,
    "9016": others.decode_logged,
    "6688": others.decode_stored,
    "0001": others.plain(Heartbeat),
    "0002": others.plain(ServerQuery),
    "9966": others.decode_cards,
    "9901": others.decode_engine,
    "9902": others.decode_totals,
    "9903": others.decode_trouble,
    "0800": others.decode_photo_start,
    "9988": others.decode_photo_part,
    "0F80": others.decode_photo_end,
    "9977": others.decode_photo_position,
}
