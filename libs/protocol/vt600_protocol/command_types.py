"""All commands as an API, a document or a user interface lists them. Made from the dialects' tables: there is no other list."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from vt600_protocol.ascii.commands import COMMANDS as ASCII
from vt600_protocol.binary.commands import COMMANDS as BINARY
from vt600_protocol.commands import COMMANDS, Command, CommandClass, arguments_schema, command_named, name_of
from vt600_protocol.commands.vehicle import SetImmobiliser, SetOutput
from vt600_protocol.messages import Dialect
from vt600_protocol.table import Table

TABLES: dict[Dialect, Table] = {"binary": BINARY, "ascii": ASCII}


# A command that is only another word for one in the tables.
_ANOTHER_WORD_FOR: dict[type[Command], type[Command]] = {SetImmobiliser: SetOutput}


@dataclass(frozen=True, slots=True)
class CommandType:
    """A kind of command: its class, its arguments as JSON Schema, and its codes in each dialect that can say it.

    An actuating one changes what the vehicle does or destroys something; its bytes are written at most once.
    """

    name: str
    command: type[Command]
    command_class: CommandClass
    codes: dict[Dialect, Sequence[str]]

    @property
    def dialects(self) -> tuple[Dialect, ...]:
        """The dialects that can say it."""
        return tuple(self.codes)

    @property
    def text(self) -> str:
        """What it does, in words."""
        return (self.command.__doc__ or "").strip()

    @property
    def schema(self) -> dict[str, Any]:
        """JSON Schema of its arguments."""
        return arguments_schema(self.command)


def _type(name: str, command: type[Command]) -> CommandType:
    in_tables = _ANOTHER_WORD_FOR.get(command, command)
    codes: dict[Dialect, Sequence[str]] = {
        dialect: tuple(dict.fromkeys(row.code for row in table.rows_of(in_tables)))
        for dialect, table in TABLES.items()
        if table.rows_of(in_tables)
    }
    return CommandType(name, command, command.command_class, codes)


COMMAND_TYPES = tuple(_type(name, command) for name, command in COMMANDS.items())
_BY_NAME = {entry.name: entry for entry in COMMAND_TYPES}


def command_type(command: Command | str) -> CommandType:
    """The kind of a command, by the command or by its name; CommandError when there is none of that name."""
    return _BY_NAME[name_of(command_named(command) if isinstance(command, str) else type(command))]
