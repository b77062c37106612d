"""How the arguments of a command lie in a frame's data; both dialects' tables are made of these (SPEC §3.10, §4.7)."""

from typing import Any, Protocol

from vt600_protocol.arguments import Kind
from vt600_protocol.commands.base import Arguments, Command, arguments_of, defaults_of
from vt600_protocol.errors import CommandError, LayoutError


class Layout(Protocol):
    """Arguments ↔ data."""

    @property
    def names(self) -> tuple[str, ...]:
        """The arguments in their order; the others of the command are fixed by its row."""

    def encode(self, owner: type[Command], arguments: Arguments) -> bytes:
        """The data; CommandError for what only this dialect cannot carry."""

    def decode(self, owner: type[Command], data: bytes) -> dict[str, Any]:
        """The arguments; LayoutError when it is not laid out so."""


class Nothing:
    """No data."""

    names: tuple[str, ...] = ()

    def encode(self, _owner: type[Command], _arguments: Arguments) -> bytes:
        return b""

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        if data:
            raise LayoutError("there is data")
        return {}


class Parameters:
    """ASCII parameters parted by commas; those at the end that are as when left out are left out (SPEC §4.7)."""

    def __init__(self, names: str) -> None:
        self.names = tuple(names.split(","))

    def encode(self, owner: type[Command], arguments: Arguments) -> bytes:
        kinds, defaults = arguments_of(owner), defaults_of(owner)
        names = list(self.names)
        while names and names[-1] in defaults and arguments[names[-1]] == defaults[names[-1]]:
            names.pop()
        texts = ["" if arguments[name] is None else kinds[name].text(arguments[name]) for name in names]
        return ",".join(texts).encode("latin-1")

    def decode(self, owner: type[Command], data: bytes) -> dict[str, Any]:
        kinds, defaults = arguments_of(owner), defaults_of(owner)
        texts = data.decode("latin-1").split(",", len(self.names) - 1)
        found: dict[str, Any] = {}
        for name, text in zip(self.names, texts, strict=False):
            if text or name not in defaults:
                found[name] = kinds[name].value(text)
        return found


class Number:
    """A big-endian number of so many bytes, in steps of `unit`, to `high` where that is less than the command allows."""

    def __init__(self, name: str, size: int = 1, *, unit: int = 1, high: int | None = None) -> None:
        self.name = name
        self.size = size
        self.unit = unit
        self.high = ((1 << 8 * size) - 1) * unit if high is None else high

    def encode(self, kind: Kind, value: Any) -> bytes:
        number = int(kind.text(value))
        if number % self.unit:
            raise CommandError(f"{self.name} is a multiple of {self.unit} in the binary dialect", argument=self.name)
        if number > self.high:
            raise CommandError(f"{self.name} is at most {self.high} in the binary dialect", argument=self.name)
        return (number // self.unit).to_bytes(self.size, "big")

    def decode(self, kind: Kind, data: bytes) -> Any:
        return kind.value(str(int.from_bytes(data, "big") * self.unit))


class Padded:
    """ASCII text padded with `00`."""

    def __init__(self, name: str, size: int) -> None:
        self.name = name
        self.size = size

    def encode(self, kind: Kind, value: Any) -> bytes:
        return kind.text(value).encode("ascii").ljust(self.size, b"\0")

    def decode(self, kind: Kind, data: bytes) -> Any:
        return kind.value(data.rstrip(b"\0").decode("latin-1"))


class Packed:
    """Numbers and texts of fixed size, one behind the other."""

    def __init__(self, *parts: Number | Padded) -> None:
        self._parts = parts
        self.names = tuple(part.name for part in parts)

    def encode(self, owner: type[Command], arguments: Arguments) -> bytes:
        kinds = arguments_of(owner)
        return b"".join(part.encode(kinds[part.name], arguments[part.name]) for part in self._parts)

    def decode(self, owner: type[Command], data: bytes) -> dict[str, Any]:
        kinds = arguments_of(owner)
        if len(data) != sum(part.size for part in self._parts):
            raise LayoutError("another length")
        found: dict[str, Any] = {}
        for part in self._parts:
            found[part.name] = part.decode(kinds[part.name], data[: part.size])
            data = data[part.size :]
        return found


class Limited:
    """A layout whose numbers may be less than the command allows."""

    def __init__(self, layout: Layout, dialect: str, **limits: tuple[int, int]) -> None:
        self.names = layout.names
        self._layout = layout
        self._dialect = dialect
        self._limits = limits

    def encode(self, owner: type[Command], arguments: Arguments) -> bytes:
        for name, (low, high) in self._limits.items():
            value = arguments[name]
            if value is not None and not low <= value <= high:
                raise CommandError(f"{name} is from {low} to {high} in the {self._dialect} dialect", argument=name)
        return self._layout.encode(owner, arguments)

    def decode(self, owner: type[Command], data: bytes) -> dict[str, Any]:
        return self._layout.decode(owner, data)
