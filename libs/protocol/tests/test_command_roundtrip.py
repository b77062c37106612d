"""Every command of both tables: what a server encodes a device reads, and the tables are those of the SPEC."""

import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, reject, settings
from hypothesis import strategies as st

from vt600_protocol import (
    COMMAND_TYPES,
    CommandError,
    CommandFrame,
    CommandType,
    Dialect,
    build_command,
    command_type,
    decode_datagram,
    encode_command,
)
from vt600_protocol.arguments import Decimal, Flag, Hex, Kind, Many, Perhaps, Text, Whole, Words
from vt600_protocol.command_types import TABLES
from vt600_protocol.commands.base import arguments_of, defaults_of

_SPEC = (Path(__file__).parents[3] / "docs" / "protocol" / "SPEC.md").read_text()
_SAID = [(entry, dialect) for entry in COMMAND_TYPES for dialect in entry.dialects]
_IDS: dict[Dialect, str] = {"binary": "143190975469", "ascii": "865429043319537"}


def _values(kind: Kind) -> st.SearchStrategy[Any]:
    """Values of a kind as JSON holds them."""
    match kind:
        case Whole():
            return st.integers(kind.low, kind.high) | st.integers(kind.low, kind.high).map(
                lambda value: value // 10 * 10
            )
        case Decimal():
            return st.integers(int(kind.low * 10**6), int(kind.high * 10**6)).map(lambda value: value / 10**6)
        case Text():
            return st.from_regex(kind.form, fullmatch=True).filter(kind.fits)
        case Hex():
            return st.binary(min_size=kind.low, max_size=min(kind.high, 40)).map(lambda data: data.hex().upper())
        case Flag():
            return st.booleans()
        case Words():
            return st.sampled_from(kind.schema()["enum"])
        case Many():
            return st.lists(_values(kind.kind), min_size=kind.low, max_size=min(kind.high, 6))
        case Perhaps():
            return st.none() | _values(kind.kind)
    raise AssertionError(kind)


@st.composite
def _arguments(draw: st.DrawFn, entry: CommandType) -> dict[str, Any]:
    found = {}
    for name, kind in arguments_of(entry.command).items():
        if name not in defaults_of(entry.command) or draw(st.booleans()):
            found[name] = draw(_values(kind))
    return found


@pytest.mark.parametrize(("entry", "dialect"), _SAID, ids=lambda value: getattr(value, "name", value))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.filter_too_much, HealthCheck.too_slow],
)
@given(data=st.data())
def test_a_device_reads_what_was_encoded(entry: CommandType, dialect: Dialect, data: st.DataObject) -> None:
    arguments = data.draw(_arguments(entry))
    try:
        command = build_command(entry.name, arguments)
        encoded = encode_command(command, device_id=_IDS[dialect], dialect=dialect, packet_no="Q")
    except CommandError:  # what this dialect cannot say, or not together
        reject()
    (frame,) = decode_datagram(encoded.payload, "device").messages

    assert isinstance(frame, CommandFrame)
    assert frame.command == command.as_said()
    assert frame.code == encoded.code
    assert encoded.code in entry.codes[dialect]
    assert command_type(command) is entry


@pytest.mark.parametrize("entry", COMMAND_TYPES, ids=lambda entry: entry.name)
def test_a_command_says_what_it_is(entry: CommandType) -> None:
    assert entry.dialects
    assert entry.text
    assert entry.command_class in ("query", "setting", "actuating")
    assert entry.schema["properties"].keys() == arguments_of(entry.command).keys()
    assert all(kind.allowed for kind in arguments_of(entry.command).values())


@pytest.mark.parametrize("entry", COMMAND_TYPES, ids=lambda entry: entry.name)
def test_every_argument_refuses_what_it_is_not(entry: CommandType) -> None:
    for name in arguments_of(entry.command):
        others = {other: None for other in arguments_of(entry.command) if other not in defaults_of(entry.command)}
        with pytest.raises(CommandError) as caught:
            build_command(entry.name, {**others, name: object()})
        assert caught.value.argument in {name, *others}


def _codes(first: str, last: str, pattern: str) -> list[str]:
    """The codes of the first column of the tables between two headings of the SPEC, in their order."""
    section = _SPEC[_SPEC.index(first) : _SPEC.index(last)]
    cells = [row.split("|")[1] for row in section.splitlines() if row.startswith("|")]
    return [code for cell in cells for code in _spread(re.sub(r"[^0-9A-F–\s]", " ", cell), pattern)]


def _spread(cell: str, pattern: str) -> list[str]:
    """Single codes, and `105–108` as four."""
    found = []
    for text in re.findall(rf"{pattern}(?:–{pattern})?", cell):
        low, _, high = text.partition("–")
        found += [str(number) for number in range(int(low), int(high) + 1)] if high else [low]
    return found


def test_the_tables_have_every_code_of_the_spec_in_its_order() -> None:
    binary = list(dict.fromkeys(row.code for row in TABLES["binary"].rows))
    in_spec = [
        code for code in _codes("## 3.10", "## 3.11", r"\b[0-9]{4}\b") if code != "4000"
    ]  # the answer to a login
    assert binary == sorted(set(in_spec), key=in_spec.index)

    ascii_codes = list(dict.fromkeys(row.code for row in TABLES["ascii"].rows))
    in_spec = _codes("## 4.7", "## 5.", r"\b[0-9]{3}\b")
    assert ascii_codes == in_spec
