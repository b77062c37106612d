"""Which commands need the scope `send:commands:dangerous`: those that may cut an engine or keep it from starting, lose a device
to another server or for ever, or lose what it holds."""

from vt600_protocol import Command, engine_cut
from vt600_protocol.commands.firmware import (
    AuthoriseFirmware,
    BeginFirmware,
    CancelFirmware,
    CheckFirmware,
    InstallFirmware,
    SendFirmware,
)
from vt600_protocol.commands.unit import (
    RestoreFactory,
    SetApn,
    SetDeviceId,
    SetDns,
    SetGprs,
    SetServer,
    SetSimPin,
    SetSpareServer,
)
from vt600_protocol.commands.vehicle import (
    AuthoriseCards,
    RemoveCards,
    SetOutputPattern,
)

_ENGINE_OUTPUT = 1  # drives the immobiliser's relay (SPEC §6)
_ALWAYS = (
    RestoreFactory,
    SetDeviceId,
    SetServer,
    SetSpareServer,
    SetGprs,
    SetApn,
    SetDns,
    SetSimPin,
    AuthoriseCards,
    RemoveCards,
    BeginFirmware,
    AuthoriseFirmware,
    SendFirmware,
    CheckFirmware,
    InstallFirmware,
    CancelFirmware,
)


def is_dangerous(command: Command) -> bool:
    """Whether the command needs the scope."""
    if isinstance(command, SetOutputPattern):
        return command.output == _ENGINE_OUTPUT
    return engine_cut(command) != "no" or isinstance(command, _ALWAYS)
