"""Commands by name: what each needs, what it does to the vehicle, and which dialect can do it."""

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args, get_type_hints

from vt600_protocol.errors import CommandError
from vt600_protocol.messages import (
    Command,
    Dialect,
    Identify,
    RequestPosition,
    Restart,
    SetImmobiliser,
    SetInterval,
    SetOutput,
)

CommandClass = Literal["query", "setting", "actuating"]


@dataclass(frozen=True, slots=True)
class CommandType:
    """A kind of command. An actuating one changes what the vehicle does and is written at most once (DESIGN of commands)."""

    name: str
    command: type[Command]
    command_class: CommandClass
    dialects: tuple[Dialect, ...] = ("binary", "ascii")


COMMAND_TYPES = (
    CommandType("request_position", RequestPosition, "query"),
    CommandType("set_interval", SetInterval, "setting"),
    CommandType("set_output", SetOutput, "actuating"),
    CommandType("set_immobiliser", SetImmobiliser, "actuating"),
    CommandType("identify", Identify, "query"),
    CommandType("restart", Restart, "actuating"),
)
_BY_NAME = {entry.name: entry for entry in COMMAND_TYPES}
_BY_CLASS = {entry.command: entry for entry in COMMAND_TYPES}

# Argument → smallest and largest value (SPEC §3.10, §4.7). On the wire a safe speed of 0 means none, so nobody may ask for 0.
_RANGES = {"interval_s": (0, 65_535), "output": (1, 5), "safe_speed_kmh": (1, 255)}


def command_type(command: Command | str) -> CommandType:
    """The kind of a command, by the command or by its name; CommandError when there is none of that name."""
    if not isinstance(command, str):
        return _BY_CLASS[type(command)]
    if command not in _BY_NAME:
        raise CommandError(f"no command is called {command!r}; there are {', '.join(_BY_NAME)}", argument="type")
    return _BY_NAME[command]


def build_command(type: str, args: Mapping[str, object]) -> Command:  # noqa: A002 - the word of the API
    """The command of that name; CommandError names the argument that is wrong and what is allowed."""
    entry = command_type(type)
    hints = get_type_hints(entry.command)
    known = {field.name: field for field in fields(entry.command)}
    for name in args:
        if name not in known:
            allowed = ", ".join(known) or "none"
            raise CommandError(f"{type} has no argument {name!r}; it takes: {allowed}", argument=name)
    for name, field in known.items():
        if name not in args and field.default is MISSING:
            raise CommandError(f"{type} needs the argument {name!r}", argument=name)
    checked: dict[str, Any] = {name: _checked(name, value, hints[name]) for name, value in args.items()}
    return entry.command(**checked)


def check_command(command: Command) -> None:
    """CommandError for a command with an argument that no unit could take."""
    arguments = {field.name: getattr(command, field.name) for field in fields(command)}
    build_command(command_type(command).name, arguments)


def _checked(name: str, value: object, hint: object) -> object:
    if value is None and type(None) in get_args(hint):
        return None
    if hint is bool:
        if not isinstance(value, bool):
            raise CommandError(f"{name} is true or false", argument=name)
        return value
    if name in _RANGES:
        low, high = _RANGES[name]
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise CommandError(f"{name} is a whole number from {low} to {high}", argument=name)
        return value
    choices = get_args(hint)
    if value not in choices:
        raise CommandError(f"{name} is one of {', '.join(map(str, choices))}", argument=name)
    return value
