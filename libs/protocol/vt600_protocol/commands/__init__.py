"""Everything a server may ask of a unit, by name; how each dialect says it is in the dialects' tables."""

from collections.abc import Mapping
from inspect import isclass

from vt600_protocol.commands import alarms, firmware, phones, photos, reporting, unit, vehicle
from vt600_protocol.commands.base import (
    Actuating,
    Command,
    CommandClass,
    Query,
    Setting,
    arguments_schema,
    make,
    name_of,
)
from vt600_protocol.errors import CommandError

__all__ = ["COMMANDS", "Command", "CommandClass", "arguments_schema", "build_command", "command_named", "name_of"]

_BASES = (Command, Query, Setting, Actuating)

COMMANDS: Mapping[str, type[Command]] = {
    name_of(owner): owner
    for module in (reporting, alarms, vehicle, unit, phones, photos, firmware)
    for owner in vars(module).values()
    if isclass(owner) and issubclass(owner, Command) and owner not in _BASES
}


def command_named(name: str) -> type[Command]:
    """The command of a name; CommandError when there is none."""
    if name not in COMMANDS:
        raise CommandError(f"no command is called {name!r}", argument="type")
    return COMMANDS[name]


def build_command(type: str, args: Mapping[str, object]) -> Command:  # noqa: A002 - the word of the API
    """The command of that name; CommandError names the argument that is wrong and what is allowed."""
    return make(command_named(type), args)
