"""Codec of the two VT600 wire protocols: bytes ↔ messages. No I/O, no clock, no logging; the standard library only.

Others import from here only. `Connection` reads a stream, `decode_datagram` a datagram; the `encode_…` functions make frames.
"""

from vt600_protocol.commands import COMMAND_TYPES, CommandClass, CommandType, build_command, command_type
from vt600_protocol.connection import Connection
from vt600_protocol.datagram import Datagram, decode_datagram
from vt600_protocol.device import HEARTBEAT, encode_command_reply, encode_login, encode_report
from vt600_protocol.errors import ChecksumError, CommandError, ContentError, FrameError, ProtocolError, RubbishError
from vt600_protocol.events import EVENTS
from vt600_protocol.messages import (
    Cell,
    Command,
    CommandFrame,
    CommandReply,
    Confirmation,
    Dialect,
    Heartbeat,
    Identify,
    Login,
    LoginReply,
    Message,
    Obd,
    PositionReport,
    RequestPosition,
    Restart,
    Role,
    SensorTemperature,
    SetImmobiliser,
    SetInterval,
    SetOutput,
    TankLevel,
    Unknown,
)
from vt600_protocol.server import (
    EncodedCommand,
    encode_command,
    encode_confirmation,
    encode_login_reply,
)

DECODER_VERSION = "1"

__all__ = [
    "COMMAND_TYPES",
    "DECODER_VERSION",
    "EVENTS",
    "HEARTBEAT",
    "Cell",
    "ChecksumError",
    "Command",
    "CommandClass",
    "CommandError",
    "CommandFrame",
    "CommandReply",
    "CommandType",
    "Confirmation",
    "Connection",
    "ContentError",
    "Datagram",
    "Dialect",
    "EncodedCommand",
    "FrameError",
    "Heartbeat",
    "Identify",
    "Login",
    "LoginReply",
    "Message",
    "Obd",
    "PositionReport",
    "ProtocolError",
    "RequestPosition",
    "Restart",
    "Role",
    "RubbishError",
    "SensorTemperature",
    "SetImmobiliser",
    "SetInterval",
    "SetOutput",
    "TankLevel",
    "Unknown",
    "build_command",
    "command_type",
    "decode_datagram",
    "encode_command",
    "encode_command_reply",
    "encode_confirmation",
    "encode_login",
    "encode_login_reply",
    "encode_report",
]
