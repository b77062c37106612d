"""Text of the wire ↔ values. Blank or unreadable is None, never zero, and no text raises."""

from datetime import datetime

_INT64_MAX = 2**63 - 1
_INT64_DIGITS = 19
_DECIMAL_MAX = 1e15  # a float holds no more whole digits
_DECIMAL = "0123456789.+-"
_HEX = "0123456789abcdefABCDEF"
_HEX_DIGITS = 15
_CENTURY_SPLIT = "80"  # years 80–99 are receiver defaults of the last century (SPEC §3.6)
_ALTITUDE_LIMIT_M = 20_000
_HEX_MARK = "hex:"


def decimal(text: str) -> float | None:
    """A decimal number without exponent."""
    if not text or text.strip(_DECIMAL):
        return None
    try:
        value = float(text)
    except ValueError:
        return None
    return value if -_DECIMAL_MAX < value < _DECIMAL_MAX else None


def integer(text: str) -> int | None:
    """A whole decimal number that fits 64 bits, sign allowed."""
    if text.isdecimal() and text.isascii() and len(text) < _INT64_DIGITS:
        return int(text)  # as nearly all are
    digits = text.removeprefix("-")
    if not digits.isdecimal() or not digits.isascii() or len(digits) > _INT64_DIGITS:
        return None
    value = int(text)
    return value if -_INT64_MAX <= value <= _INT64_MAX else None


def hexadecimal(text: str) -> int | None:
    """A hex number of at most 15 digits."""
    return None if not text or len(text) > _HEX_DIGITS or text.strip(_HEX) else int(text, 16)


def hex_digits(text: str, count: int) -> int | None:
    """A hex number of exactly so many digits."""
    return None if len(text) != count or text.strip(_HEX) else int(text, 16)


def altitude(text: str) -> float | None:
    """Metres; units send nonsense, so only what can be (SPEC §3.6)."""
    value = decimal(text)
    return value if value is not None and -_ALTITUDE_LIMIT_M <= value <= _ALTITUDE_LIMIT_M else None


def moment(year: str, month: str, day: str, clock: str) -> datetime | None:
    """UTC from two digits each and `hhmmss[.fff]`; None when it is no moment of the calendar."""
    time, point, fraction = clock[:6], clock[6:7], clock[7:]
    digits = year + month + day + time
    if len(digits) != 12 or point not in ("", ".") or not (digits + fraction).isdecimal():
        return None
    century = "19" if year >= _CENTURY_SPLIT else "20"
    try:
        return datetime.fromisoformat(f"{century}{year}{month}{day}T{time}{'.' + fraction if fraction else ''}Z")
    except ValueError:
        return None


def printable(text: str) -> str:
    """The text itself, or `hex:…` of its bytes when it holds anything but printable ASCII."""
    return text if text.isascii() and text.isprintable() else _HEX_MARK + text.encode("latin-1").hex()


def number_text(value: float | None) -> str:
    """A number as short as it can be, without exponent; blank for None."""
    if value is None:
        return ""
    return f"{value:d}" if isinstance(value, int) else f"{value:.6f}".rstrip("0").rstrip(".")


def hex_text(value: int | None, digits: int) -> str:
    """A number as so many hex digits; blank for None."""
    if value is None:
        return ""
    if not 0 <= value < 16**digits:
        raise ValueError(f"{value} has no form of {digits} hex digits")
    return f"{value:0{digits}X}"


def wire_text(text: str | None) -> str:
    """What `printable` was made from; blank for None."""
    if text is None or not text.startswith(_HEX_MARK):
        return text or ""
    return bytes.fromhex(text.removeprefix(_HEX_MARK)).decode("latin-1")
