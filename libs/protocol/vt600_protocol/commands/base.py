"""What every command is: a frozen value whose arguments are checked when it is made."""

import re
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, ClassVar, Literal, TypeVar, dataclass_transform

from vt600_protocol.arguments import Kind, Many, Perhaps, kinds_of
from vt600_protocol.errors import CommandError

CommandClass = Literal["query", "setting", "actuating"]

T = TypeVar("T", bound="Command")
Arguments = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Command:
    """Something a server asks of a unit. Making one with an argument that is not allowed is a CommandError."""

    command_class: ClassVar[CommandClass]

    def __post_init__(self) -> None:
        for name, kind in arguments_of(type(self)).items():
            if not kind.fits(getattr(self, name)):
                raise CommandError(f"{name} is {kind.allowed}", argument=name)
        self.check()

    def check(self) -> None:
        """CommandError for arguments that are allowed one by one and not together."""

    def as_said(self) -> "Command":
        """The command that the dialects know, where this one is only another word for it."""
        return self


@dataclass(frozen=True, slots=True, kw_only=True)
class Query(Command):
    """Asks and changes nothing."""

    command_class: ClassVar[CommandClass] = "query"


@dataclass(frozen=True, slots=True, kw_only=True)
class Setting(Command):
    """Changes how the unit works; doing it twice is the same as doing it once."""

    command_class: ClassVar[CommandClass] = "setting"


@dataclass(frozen=True, slots=True, kw_only=True)
class Actuating(Command):
    """Changes what the vehicle does, or destroys something: its bytes are written at most once."""

    command_class: ClassVar[CommandClass] = "actuating"


_ARGUMENTS: dict[type[Command], Mapping[str, Kind]] = {}
_DEFAULTS: dict[type[Command], Mapping[str, object]] = {}


@dataclass_transform(frozen_default=True, kw_only_default=True)
def command(owner: type[T]) -> type[T]:
    """Makes a class one of the commands."""
    made = dataclass(frozen=True, slots=True, kw_only=True)(owner)
    _ARGUMENTS[made] = kinds_of(made)
    _DEFAULTS[made] = {field.name: field.default for field in fields(made) if field.default is not MISSING}
    return made


def arguments_of(owner: type[Command]) -> Mapping[str, Kind]:
    """The kind of each argument, in their order."""
    return _ARGUMENTS[owner]


def defaults_of(owner: type[Command]) -> Mapping[str, object]:
    """The arguments that may be left out, and what they are then."""
    return _DEFAULTS[owner]


def name_of(owner: type[Command]) -> str:
    """`SetInterval` is called `set_interval`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", owner.__name__).lower()


def make(owner: type[Command], arguments: Mapping[str, object]) -> Command:
    """The command with arguments from outside: unknown and missing ones are a CommandError, lists become tuples."""
    kinds, name = arguments_of(owner), name_of(owner)
    for given in arguments:
        if given not in kinds:
            raise CommandError(
                f"{name} has no argument {given!r}; it takes: {', '.join(kinds) or 'none'}", argument=given
            )
    for needed in kinds:
        if needed not in arguments and needed not in defaults_of(owner):
            raise CommandError(f"{name} needs the argument {needed!r}", argument=needed)
    checked: dict[str, Any] = {given: _tuple(kinds[given], value) for given, value in arguments.items()}
    constructor: Callable[..., Command] = owner
    return constructor(**checked)


def _tuple(kind: Kind, value: object) -> object:
    many = isinstance(kind.kind if isinstance(kind, Perhaps) else kind, Many)
    return tuple(value) if many and isinstance(value, list) else value


def arguments_schema(owner: type[Command]) -> dict[str, Any]:
    """JSON Schema of the arguments."""
    defaults = defaults_of(owner)
    properties = {
        name: {**kind.schema(), **({"default": _json(defaults[name])} if name in defaults else {})}
        for name, kind in arguments_of(owner).items()
    }
    required = [name for name in properties if name not in defaults]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
