"""Frames that a server sends: answers and commands."""

from dataclasses import dataclass

from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.ascii.commands import COMMANDS as ASCII
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.binary.commands import COMMANDS as BINARY
from vt600_protocol.binary.commands import OUTPUT_CODES, OUTPUTS, fewer_outputs
from vt600_protocol.commands import Command
from vt600_protocol.errors import CommandError
from vt600_protocol.messages import CompressedRecords, Dialect, Heartbeat, Login, PositionReport, ServerQuery
from vt600_protocol.photos import PhotoEnd, PhotoStart

FIRST_PACKET_NO, LAST_PACKET_NO = 0x3A, 0x7E  # SPEC §4.1


@dataclass(frozen=True, slots=True)
class EncodedCommand:
    """A command's frame. `reply_code` is the code of the frame that answers it; in ASCII a reply repeats `packet_no` too.

    `has_reply` is false for the commands that are answered by a position or a photo: such a frame cannot be told from one that
    would have come anyway.
    """

    payload: bytes
    code: str
    reply_code: str
    packet_no: str | None
    has_reply: bool


def encode_login_reply(login: Login, *, accepted: bool) -> bytes:
    """`4000`: the login is confirmed, or refused and to be tried again (SPEC §3.5)."""
    return _binary_answer(login.device_id, "4000", bytes([accepted]))


def encode_heartbeat_reply(heartbeat: Heartbeat) -> bytes:
    """`0001`: other makers' binary units are told that their heartbeat came (SPEC §3.4, R)."""
    return _binary_answer(heartbeat.device_id, "0001", b"\x01")


def encode_server_address(query: ServerQuery, *, address: str) -> bytes:
    """`0002`: where the server is, as `host:port` (SPEC §3.4, R)."""
    return _binary_answer(query.device_id, "0002", address.encode("ascii"))


def encode_photo_reply(message: PhotoStart | PhotoEnd) -> bytes:
    """`8801` to the start of a photo, `6688` to its end (SPEC §3.9, R)."""
    if isinstance(message, PhotoStart):
        return _binary_answer(message.device_id, "8801", bytes([message.photo]))
    return _binary_answer(message.device_id, "6688", bytes([message.photo, 0, 0]))


def encode_confirmation(message: PositionReport | CompressedRecords) -> bytes:
    """`010,1` or `020,1` with the packet number of the frame: the device may erase its record (SPEC §4.2)."""
    packet_no = message.packet_no or ":"
    return ascii_framing.build(ascii_framing.DOWNLINK_PREFIX, packet_no, message.device_id, message.code, b"1")


def encode_command(
    command: Command, *, device_id: str, dialect: Dialect, packet_no: str = ":", outputs: int = OUTPUTS
) -> EncodedCommand:
    """The command as a frame for one device; CommandError when the dialect cannot say it.

    `outputs` is how many outputs a binary unit takes in one command: 1, 2 or 5 (SPEC §3.10).
    """
    if dialect == "binary":
        return _encode_binary(command.as_said(), device_id, outputs)
    return _encode_ascii(command.as_said(), device_id, packet_no)


def _encode_binary(command: Command, device_id: str, outputs: int) -> EncodedCommand:
    row, data = BINARY.encode(command)
    if row.code in OUTPUT_CODES:
        data = fewer_outputs(data, outputs)
    if not binary_framing.is_identity(device_id):
        raise CommandError(f"a binary identity has 1 to 14 digits, not {device_id!r}", argument="device_id")
    payload = _binary_answer(device_id, row.code, data)
    reply_code = row.answered_by or row.code
    return EncodedCommand(payload, row.code, reply_code, None, reply_code in BINARY.replies)


def _encode_ascii(command: Command, device_id: str, packet_no: str) -> EncodedCommand:
    row, data = ASCII.encode(command)
    if not ascii_framing.is_identity(device_id):
        raise CommandError(f"an ASCII identity has 3 to 16 letters or digits, not {device_id!r}", argument="device_id")
    if len(packet_no) != 1 or not FIRST_PACKET_NO <= ord(packet_no) <= LAST_PACKET_NO:
        raise CommandError("packet_no is one character from ':' to '~'", argument="packet_no")
    payload = ascii_framing.build(ascii_framing.DOWNLINK_PREFIX, packet_no, device_id, row.code, data or None)
    reply_code = row.answered_by or row.code
    return EncodedCommand(payload, row.code, reply_code, packet_no, reply_code in ASCII.replies)


def _binary_answer(device_id: str, code: str, data: bytes) -> bytes:
    return binary_framing.build(binary_framing.DOWNLINK_PREFIX, device_id, code, data)
