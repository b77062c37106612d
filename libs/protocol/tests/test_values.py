"""Texts that look like numbers and are none; numbers that have no text."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from vt600_protocol.values import (
    altitude,
    decimal,
    hex_digits,
    hex_text,
    hexadecimal,
    integer,
    moment,
    number_text,
    printable,
    wire_text,
)

NO_NUMBERS = [
    "",
    " ",
    " 1",
    "nan",
    "inf",
    "-inf",
    "infinity",
    "1e5",
    "1_0",
    "0x1",
    "1-2",
    ".",
    "+",
    "--1",
    "٣",
    "½",
    "²",
    "1,5",
    "\0",
]


@pytest.mark.parametrize("text", [*NO_NUMBERS, "9" * 400, "1" + "0" * 15])
def test_a_text_that_is_no_decimal_is_null(text: str) -> None:
    assert decimal(text) is None


@pytest.mark.parametrize(
    ("text", "value"), [("0", 0.0), ("0000", 0.0), ("-7.25", -7.25), ("+3", 3.0), (".5", 0.5), ("5.", 5.0)]
)
def test_a_decimal_is_read(text: str, value: float) -> None:
    assert decimal(text) == value


@pytest.mark.parametrize("text", [*NO_NUMBERS, "1.0", "9" * 19, "-" + "9" * 19, "9" * 5000, "+1"])
def test_a_text_that_is_no_whole_number_of_64_bits_is_null(text: str) -> None:
    assert integer(text) is None


@pytest.mark.parametrize("value", [0, -1, 2**63 - 1, 1 - 2**63, 2286304571])
def test_a_whole_number_is_read(value: int) -> None:
    assert integer(str(value)) == value


@pytest.mark.parametrize("text", [*(text for text in NO_NUMBERS if text != "1e5"), "-1", "+1", "g", "1" * 16])
def test_a_text_that_is_no_hex_is_null(text: str) -> None:
    assert hexadecimal(text) is None
    assert hex_digits(text, max(1, len(text)) if len(text) < 16 else 4) is None


def test_hex_is_read_in_both_cases_and_of_the_right_width_only() -> None:
    assert hexadecimal("8C89802") == 0x8C89802
    assert hex_digits("00fF", 4) == 255
    assert hex_digits("0FF", 4) is None


@pytest.mark.parametrize(
    ("text", "value"), [("20000", 20000.0), ("-20000.0", -20000.0), ("20000.1", None), ("-859117376", None), ("", None)]
)
def test_an_altitude_is_one_on_earth(text: str, value: float | None) -> None:
    assert altitude(text) == value


@pytest.mark.parametrize(
    ("year", "clock", "expected"),
    [
        ("79", "235959", datetime(2079, 2, 3, 23, 59, 59, tzinfo=UTC)),
        ("80", "235959", datetime(1980, 2, 3, 23, 59, 59, tzinfo=UTC)),
        ("99", "000000.5", datetime(1999, 2, 3, 0, 0, 0, 500_000, tzinfo=UTC)),
        ("20", "000000.", datetime(2020, 2, 3, tzinfo=UTC)),
        ("20", "000000." + "1" * 300, datetime(2020, 2, 3, 0, 0, 0, 111_111, tzinfo=UTC)),
        ("20", "0000", None),
        ("20", "0000.0", None),
        ("20", "000060", None),
        ("20", "000000,5", None),
        ("20", "000000.x", None),
        ("2", "000000", None),
        ("²0", "000000", None),
        ("٢0", "000000", None),
    ],
)
def test_a_moment_is_one_of_the_calendar_or_null(year: str, clock: str, expected: datetime | None) -> None:
    assert moment(year, "02", "03", clock) == expected


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=30))
def test_no_text_of_the_wire_raises(text: str) -> None:
    for read in (decimal, integer, hexadecimal, altitude):
        value = read(text)
        assert value is None or -(2**63) < value < 2**63
    moment(text[:2], text[2:4], text[4:6], text[6:])


@settings(deadline=None)
@given(st.text(st.characters(max_codepoint=255), max_size=30).filter(lambda text: not text.startswith("hex:")))
def test_what_is_kept_of_a_text_can_be_sent_again(text: str) -> None:
    kept = printable(text)

    assert kept.isprintable()
    assert kept.isascii()
    assert wire_text(kept) == text


@settings(deadline=None)
@given(st.integers(-(10**9), 10**9))
def test_a_number_has_no_exponent_and_reads_the_same(millionths: int) -> None:
    value = millionths / 1_000_000

    assert decimal(number_text(value)) == value


def test_numbers_without_a_form_are_told() -> None:
    assert hex_text(None, 4) == ""
    with pytest.raises(ValueError, match="4 hex digits"):
        hex_text(0x10000, 4)
    with pytest.raises(ValueError, match="2 hex digits"):
        hex_text(-1, 2)
