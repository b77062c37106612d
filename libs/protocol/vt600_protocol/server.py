"""Frames that a server sends: answers and commands."""

from dataclasses import dataclass

from vt600_protocol.ascii import commands as ascii_commands
from vt600_protocol.ascii import framing as ascii_framing
from vt600_protocol.binary import commands as binary_commands
from vt600_protocol.binary import framing as binary_framing
from vt600_protocol.commands import check_command
from vt600_protocol.errors import CommandError
from vt600_protocol.messages import Command, Dialect, Login, Message

FIRST_PACKET_NO, LAST_PACKET_NO = 0x3A, 0x7E  # SPEC §4.1


@dataclass(frozen=True, slots=True)
class EncodedCommand:
    """A command's frame. `reply_code` is the code of the frame that answers it; in ASCII the reply repeats `packet_no` too.

    `answered_by_position` marks the command whose answer is a position, which cannot be told from a scheduled one in binary.
    """

    payload: bytes
    code: str
    reply_code: str
    packet_no: str | None
    answered_by_position: bool


def encode_login_reply(login: Login, *, accepted: bool) -> bytes:
    """`4000`: the login is confirmed, or refused and to be tried again (SPEC §3.5)."""
    return binary_framing.build(binary_framing.DOWNLINK_PREFIX, login.device_id, "4000", bytes([accepted]))


def encode_confirmation(message: Message) -> bytes:
    """`010,1` or `020,1` with the packet number of the frame: the device may erase its record (SPEC §4.2)."""
    packet_no = message.packet_no or ":"
    return ascii_framing.build(ascii_framing.DOWNLINK_PREFIX, packet_no, message.device_id, message.code, b"1")


def encode_command(command: Command, *, device_id: str, dialect: Dialect, packet_no: str = ":") -> EncodedCommand:
    """The command as a frame for one device; CommandError when the dialect cannot say it."""
    check_command(command)
    if dialect == "binary":
        return _encode_binary(command, device_id)
    return _encode_ascii(command, device_id, packet_no)


def _encode_binary(command: Command, device_id: str) -> EncodedCommand:
    code, data = binary_commands.encode(command)
    try:
        payload = binary_framing.build(binary_framing.DOWNLINK_PREFIX, device_id, code, data)
    except ValueError as error:
        raise CommandError(str(error), argument="device_id") from error
    reply_code = binary_commands.REPLY_CODES.get(code, code)
    return EncodedCommand(payload, code, reply_code, None, reply_code == "9955")


def _encode_ascii(command: Command, device_id: str, packet_no: str) -> EncodedCommand:
    code, parameters = ascii_commands.encode(command)
    if not ascii_framing.is_identity(device_id):
        raise CommandError(f"an ASCII identity has 3 to 16 letters or digits, not {device_id!r}", argument="device_id")
    if len(packet_no) != 1 or not FIRST_PACKET_NO <= ord(packet_no) <= LAST_PACKET_NO:
        raise CommandError("packet_no is one character from ':' to '~'", argument="packet_no")
    data = None if parameters is None else parameters.encode("ascii")
    payload = ascii_framing.build(ascii_framing.DOWNLINK_PREFIX, packet_no, device_id, code, data)
    reply_code = ascii_commands.REPLY_CODES.get(code, code)
    return EncodedCommand(payload, code, reply_code, packet_no, reply_code == "000")
