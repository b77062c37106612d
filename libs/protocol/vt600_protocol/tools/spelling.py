"""Values of messages in words."""

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import datetime

from vt600_protocol.command_types import command_type
from vt600_protocol.messages import CommandFrame, Message
from vt600_protocol.tools.findings import Value
from vt600_protocol.values import printable

# What every message has, and the text of replies, which is their data.
_COMMON = frozenset((*(field.name for field in fields(Message)), "text"))
_WORD_START = re.compile(r"(?<!^)(?=[A-Z])")


def kind_name(thing: object) -> str:
    """The name of its class as one lower-case word: `position_report`."""
    return _WORD_START.sub("_", type(thing).__name__).lower()


def shown(value: object) -> Value:
    """A field of a message as one value: lists and records are spelled."""
    if value is None or isinstance(value, str | int | float | datetime):
        return value
    if isinstance(value, bytes):
        return value.hex().upper()
    if isinstance(value, tuple):
        return ("; " if any(map(is_dataclass, value)) else ", ").join(str(shown(entry)) for entry in value) or None
    return _spelled(value) if is_dataclass(value) else str(value)


def own_fields(message: Message) -> str | None:
    """What a message says beyond its frame: `answers 4102, ok True`; of a command its name and arguments."""
    if isinstance(message, CommandFrame) and message.command is not None:
        return f"{command_type(message.command).name} {_spelled(message.command)}".rstrip()
    return _spelled(message, leave=_COMMON) or None


def data_text(data: bytes) -> str | None:
    """Data as text where it is some, else as hex; None when there is none."""
    text = data.decode("latin-1")
    return (text if printable(text) == text else data.hex().upper()) or None


def identity_meaning(device_id: str | None) -> str | None:
    """What is to be said of an identity (SPEC §3.3, §5)."""
    return "all zeros: it was never set" if device_id and not device_id.strip("0") else None


def bits_text(word: int | None, names: Mapping[int, str]) -> str | None:
    """The bits that are set, by name."""
    if word is None:
        return None
    numbers = [bit for bit in range(word.bit_length()) if word >> bit & 1]
    return ", ".join(f"{names.get(bit, 'unknown')} (bit {bit})" for bit in numbers) or "no bit set"


def _spelled(record: object, *, leave: frozenset[str] = frozenset()) -> str:
    """`name value` for each field of a record that has a value."""
    names = [field.name for field in fields(record)] if is_dataclass(record) else []
    values = {name: shown(getattr(record, name)) for name in names if name not in leave}
    return ", ".join(f"{name} {value}" for name, value in values.items() if value not in (None, ""))
