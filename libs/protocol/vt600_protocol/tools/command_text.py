"""Commands by name and arguments, as people type them at a prompt."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from vt600_protocol.command_types import COMMAND_TYPES
from vt600_protocol.errors import CommandError
from vt600_protocol.messages import Dialect
from vt600_protocol.server import EncodedCommand

Schema = dict[str, Any]


def read_arguments(words: Sequence[str]) -> dict[str, object]:
    """`argument=value` each; a value is JSON where it can be read as such, else text."""
    arguments: dict[str, object] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise CommandError(f"{word!r} is not argument=value", argument=name)
        if name in arguments:
            raise CommandError(f"{name} is given twice", argument=name)
        try:
            arguments[name] = json.loads(text)
        except (ValueError, RecursionError):
            arguments[name] = text
    return arguments


def command_lines(encoded: EncodedCommand, dialect: Dialect) -> Iterator[str]:
    """The frame and what answers it."""
    yield f"hex    {encoded.payload.hex().upper()}"
    if dialect == "ascii":
        yield f"text   {encoded.payload.decode('latin-1').encode('unicode_escape').decode()}"
    yield f"code   {encoded.code}"
    with_number = f" with packet number {encoded.packet_no}" if encoded.packet_no else ""
    yield f"reply  {encoded.reply_code}{'' if encoded.has_reply else ' (not told from one that comes anyway)'}{with_number}"


def list_lines() -> Iterator[str]:
    """All commands: name, class, the codes in each dialect, arguments."""
    for entry in COMMAND_TYPES:
        codes = ", ".join(f"{dialect} {'/'.join(codes)}" for dialect, codes in entry.codes.items())
        yield f"{entry.name} ({entry.command_class}; {codes})"
        required = entry.schema["required"]
        for name, schema in entry.schema["properties"].items():
            yield f"    {name}={_allowed(schema)}" + ("" if name in required else _default(schema))


def _default(schema: Schema) -> str:
    default = schema["default"]
    return ", may be left out" if default is None else f", else {json.dumps(default)}"


def _allowed(schema: Schema) -> str:
    """What a JSON Schema of an argument allows, in words."""
    if "enum" in schema:
        return "|".join(map(str, schema["enum"]))
    if "anyOf" in schema:
        return _allowed(schema["anyOf"][0])
    match schema["type"]:
        case "boolean":
            return "true|false"
        case "array":
            return f"[{_allowed(schema['items'])}, …]"
        case "string":
            return f"text of {schema['minLength']}–{schema['maxLength']} characters"
        case _:
            return f"{schema['minimum']}…{schema['maximum']}"
