"""Kinds of arguments: what is allowed, as a check, as JSON Schema, and as text on the wire.

A command's dataclass names them in its annotations (`Annotated[int, Whole(0, 255)]`), so a range is written once.
"""

import re
from dataclasses import dataclass, fields
from typing import Annotated, Any, Literal, Protocol, get_args, get_origin, get_type_hints

from vt600_protocol.values import decimal, integer, number_text

_PLAIN = r"[ -+\--~]*"  # printable ASCII without the comma that parts parameters
_HEX_TEXT = re.compile(r"(?:[0-9A-F]{2})*")


class Kind(Protocol):
    """One kind of argument. `text` and `value` are its form in a comma-separated list, for values that are allowed."""

    @property
    def allowed(self) -> str:
        """What is allowed, to stand behind "is"."""

    def fits(self, value: object) -> bool:
        """Whether the value is allowed."""

    def schema(self) -> dict[str, Any]:
        """Its JSON Schema."""

    def text(self, value: Any) -> str:
        """The value as text of the wire."""

    def value(self, text: str) -> object:
        """The value of a text of the wire; it may be one that does not fit."""


@dataclass(frozen=True, slots=True)
class Whole:
    """A whole number. On the wire `none` stands for an argument that is not given."""

    low: int
    high: int
    none: int | None = None
    digits: int = 1

    @property
    def allowed(self) -> str:
        return f"a whole number from {self.low} to {self.high}"

    def fits(self, value: object) -> bool:
        return isinstance(value, int) and not isinstance(value, bool) and self.low <= value <= self.high

    def schema(self) -> dict[str, Any]:
        return {"type": "integer", "minimum": self.low, "maximum": self.high}

    def text(self, value: Any) -> str:
        return f"{value:0{self.digits}d}"

    def value(self, text: str) -> object:
        number = integer(text)
        return None if number == self.none else number


@dataclass(frozen=True, slots=True)
class Decimal:
    """A decimal number."""

    low: float
    high: float

    @property
    def allowed(self) -> str:
        return f"a number from {self.low:g} to {self.high:g}"

    def fits(self, value: object) -> bool:
        return isinstance(value, int | float) and not isinstance(value, bool) and self.low <= value <= self.high

    def schema(self) -> dict[str, Any]:
        return {"type": "number", "minimum": self.low, "maximum": self.high}

    def text(self, value: Any) -> str:
        return number_text(float(value)) or "0"

    def value(self, text: str) -> object:
        return decimal(text)


@dataclass(frozen=True, slots=True)
class Text:
    """Printable ASCII without commas, of a length, and of a form when one is given."""

    high: int
    low: int = 0
    form: str = _PLAIN
    form_allowed: str = "printable ASCII characters without comma"

    @property
    def allowed(self) -> str:
        length = f"{self.low} to {self.high}" if self.low else f"at most {self.high}"
        return f"{length} {self.form_allowed}"

    def fits(self, value: object) -> bool:
        return (
            isinstance(value, str)
            and self.low <= len(value) <= self.high
            and re.fullmatch(self.form, value, re.ASCII) is not None
        )

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": self.low, "maxLength": self.high, "pattern": f"^{self.form}$"}

    def text(self, value: Any) -> str:
        return str(value)

    def value(self, text: str) -> object:
        return text


@dataclass(frozen=True, slots=True)
class Hex:
    """Bytes, written as upper-case hex digits."""

    high: int
    low: int = 0

    @property
    def allowed(self) -> str:
        return f"{self.low} to {self.high} bytes as upper-case hex digits"

    def fits(self, value: object) -> bool:
        return (
            isinstance(value, str)
            and 2 * self.low <= len(value) <= 2 * self.high
            and _HEX_TEXT.fullmatch(value) is not None
        )

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "minLength": 2 * self.low, "maxLength": 2 * self.high, "pattern": "^([0-9A-F]{2})*$"}

    def text(self, value: Any) -> str:
        return bytes.fromhex(value).decode("latin-1")

    def value(self, text: str) -> object:
        return text.encode("latin-1").hex().upper()


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no; 1 or 0 on the wire."""

    allowed: str = "true or false"

    def fits(self, value: object) -> bool:
        return isinstance(value, bool)

    def schema(self) -> dict[str, Any]:
        return {"type": "boolean"}

    def text(self, value: Any) -> str:
        return str(int(value))

    def value(self, text: str) -> object:
        return {"0": False, "1": True}.get(text)


class Words:
    """One of some words (or numbers), each with the number that stands for it on the wire."""

    __slots__ = ("_numbers",)

    def __init__(self, *numbers: tuple[object, int], **words: int) -> None:
        self._numbers: dict[object, int] = dict(numbers)
        self._numbers.update(words)

    @property
    def allowed(self) -> str:
        return f"one of {', '.join(map(str, self._numbers))}"

    def fits(self, value: object) -> bool:
        return any(value == word and type(value) is type(word) for word in self._numbers)

    def schema(self) -> dict[str, Any]:
        return {"enum": list(self._numbers)}

    def text(self, value: Any) -> str:
        return str(self._numbers[value])

    def value(self, text: str) -> object:
        number = integer(text)
        return next((word for word, of_word in self._numbers.items() if of_word == number), None)


@dataclass(frozen=True, slots=True)
class Many:
    """Several of one kind. On the wire they are the rest of the list."""

    kind: Kind
    low: int
    high: int

    @property
    def allowed(self) -> str:
        return f"a list of {self.low} to {self.high}, each {self.kind.allowed}"

    def fits(self, value: object) -> bool:
        return isinstance(value, tuple) and self.low <= len(value) <= self.high and all(map(self.kind.fits, value))

    def schema(self) -> dict[str, Any]:
        return {"type": "array", "items": self.kind.schema(), "minItems": self.low, "maxItems": self.high}

    def text(self, value: Any) -> str:
        return ",".join(map(self.kind.text, value))

    def value(self, text: str) -> object:
        return tuple(self.kind.value(part) for part in text.split(",")) if text else ()


@dataclass(frozen=True, slots=True)
class Perhaps:
    """Of a kind, or not given."""

    kind: Kind

    @property
    def allowed(self) -> str:
        return f"{self.kind.allowed}, or nothing"

    def fits(self, value: object) -> bool:
        return value is None or self.kind.fits(value)

    def schema(self) -> dict[str, Any]:
        return {"anyOf": [self.kind.schema(), {"type": "null"}]}

    def text(self, value: Any) -> str:
        return "" if value is None else self.kind.text(value)

    def value(self, text: str) -> object:
        return self.kind.value(text) if text else None


def kinds_of(owner: type[Any]) -> dict[str, Kind]:
    """The kind of each field of a dataclass, from its annotations."""
    hints = get_type_hints(owner, include_extras=True)
    return {field.name: _kind(hints[field.name]) for field in fields(owner)}


def _kind(hint: Any) -> Kind:
    if hint is bool:
        return Flag()
    if get_origin(hint) is Annotated:
        return get_args(hint)[1]  # type: ignore[no-any-return]
    if get_origin(hint) is Literal:
        return Words(*((word, word) for word in get_args(hint)))
    inner, _none = get_args(hint)
    return Perhaps(_kind(inner))
