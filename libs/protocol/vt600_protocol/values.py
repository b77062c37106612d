"""Text of the wire → numbers. Blank or unreadable is None, never zero, and no text raises."""

from math import isfinite

_INT64_MAX = 2**63 - 1
_HEX = frozenset("0123456789abcdefABCDEF")


def decimal(text: str) -> float | None:
    """A finite decimal number."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if isfinite(value) and "_" not in text else None


def integer(text: str) -> int | None:
    """A whole decimal number that fits 64 bits, sign allowed."""
    digits = text[1:] if text[:1] == "-" else text
    if not digits.isdecimal() or not digits.isascii() or len(digits) > 19:
        return None
    value = int(text)
    return value if -_INT64_MAX <= value <= _INT64_MAX else None


def hexadecimal(text: str, width: int | None = None) -> int | None:
    """A hex number of at most 15 digits, of exactly `width` digits when given."""
    if not text or len(text) > 15 or (width is not None and len(text) != width) or not _HEX.issuperset(text):
        return None
    return int(text, 16)


def printable(text: str) -> str:
    """The text itself, or `hex:…` of its bytes when it holds anything but printable ASCII."""
    return text if text.isascii() and text.isprintable() else "hex:" + text.encode("latin-1").hex()
