"""A command given as the bytes of its frame → the command that it is. From then on it is that command, with all its rules."""

from dataclasses import asdict
from typing import Any

from vt600_api.errors import ApiError
from vt600_protocol import Command, CommandError, CommandFrame, build_command, command_type, decode_datagram


def read_raw(args: dict[str, Any], device_id: str, where: str) -> tuple[str, dict[str, Any]]:
    """Type and arguments of the one command in `args["hex"]`; ApiError when it is no whole frame of one, or for another device."""
    given = args.get("hex")
    if len(args) != 1 or not isinstance(given, str):
        raise _refused("invalid_command_argument", "raw takes one argument, hex, a text.", where)
    try:
        frame = bytes.fromhex(given)
    except ValueError as error:
        raise _refused("invalid_command_argument", f"{error}.", where) from error
    datagram = decode_datagram(frame, role="device")
    if datagram.errors or len(datagram.messages) != 1 or not isinstance(datagram.messages[0], CommandFrame):
        reason = datagram.errors[0] if datagram.errors else "it is not one whole frame of a command"
        raise _refused("raw_not_understood", f"The bytes are not understood, so they are not sent: {reason}", where)
    message = datagram.messages[0]
    if message.command is None:
        raise _refused("raw_not_understood", f"No command has the code {message.code}, so it is not sent.", where)
    if message.device_id != device_id:
        raise _refused("raw_of_another_device", f"The frame is for {message.device_id}.", where)
    return _said(message.command, where)


def _said(command: Command, where: str) -> tuple[str, dict[str, Any]]:
    name, args = command_type(command).name, asdict(command)
    try:
        same = build_command(name, args) == command
    except CommandError:
        same = False
    if not same:
        raise _refused("raw_not_understood", f"{name} with such arguments cannot be said otherwise.", where)
    return name, args


def _refused(code: str, detail: str, where: str) -> ApiError:
    return ApiError(422, code, detail, errors=[{"where": f"{where}args.hex", "message": detail}])
