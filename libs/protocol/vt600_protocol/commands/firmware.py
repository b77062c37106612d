"""Firmware over the air, ASCII only (SPEC §4.7, `990`–`995`)."""

from typing import Annotated

from vt600_protocol.arguments import Hex, Text, Whole
from vt600_protocol.commands.base import Actuating, command


@command
class BeginFirmware(Actuating):
    """Announce firmware by name: `990`. Answered with the unit's code, packet size and version."""

    name: Annotated[str, Text(64, 1)]


@command
class AuthoriseFirmware(Actuating):
    """Authorise the announced firmware: `991`; its parameters are not documented. From then on the unit sends no positions."""

    data: Annotated[str, Hex(64)] = ""


@command
class SendFirmware(Actuating):
    """One part of the firmware: `992`."""

    offset: Annotated[int, Whole(0, 0xFFFF_FFFF)]
    data: Annotated[str, Hex(2048, 1)]


@command
class CheckFirmware(Actuating):
    """The firmware's size and sum: `993`."""

    size: Annotated[int, Whole(0, 0xFFFF_FFFF)]
    checksum: Annotated[int, Whole(0, 0xFFFF)]


@command
class InstallFirmware(Actuating):
    """Install what was sent: `994`."""


@command
class CancelFirmware(Actuating):
    """Forget what was sent: `995`."""
