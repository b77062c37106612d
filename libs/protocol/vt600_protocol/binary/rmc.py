"""The NMEA RMC sentence as devices mangle it ↔ values (SPEC §3.6)."""

from datetime import UTC, datetime

from vt600_protocol.values import decimal, moment

KMH_PER_KNOT = 1.852
_MINUTES_GRID = 6_000_000  # hundred-thousandths of a minute in a degree
_DEGREES_GRID = 10_000_000  # what decoding keeps of a degree


def rmc_time(time: str, date: str) -> datetime | None:
    """The device's clock from `hhmmss[.fff]` and `ddmmyy`; None when either is missing or no date of the calendar."""
    return moment(date[4:6], date[2:4], date[:2], time)


def rmc_latitude(text: str, hemisphere: str) -> float | None:
    """Decimal degrees from `ddmm.mmmm` and `N` or `S`."""
    degrees = _degrees(text)
    if degrees is None or degrees > 90:
        return None
    return degrees if hemisphere == "N" else 0 - degrees if hemisphere == "S" else None


def rmc_longitude(text: str, hemisphere: str) -> float | None:
    """Decimal degrees from `[dd]dmm.mmmm` and `E` or `W`."""
    degrees = _degrees(text)
    if degrees is None or degrees > 180:
        return None
    return degrees if hemisphere == "E" else 0 - degrees if hemisphere == "W" else None


def _degrees(text: str) -> float | None:
    """The last two digits before the dot begin the minutes."""
    value = decimal(text)
    if value is None or value < 0 or len(text.partition(".")[0]) < 2:
        return None
    whole = value // 100
    minutes = value - whole * 100
    return int((whole + minutes / 60) * _DEGREES_GRID + 0.5) / _DEGREES_GRID if minutes < 60 else None


def rmc_speed_kmh(text: str) -> float | None:
    """km/h from knots."""
    knots = decimal(text)
    return None if knots is None or knots < 0 else int(knots * KMH_PER_KNOT * 1000 + 0.5) / 1000


def time_text(time: datetime | None) -> tuple[str, str]:
    """`hhmmss.fff` and `ddmmyy`."""
    if time is None:
        return "", ""
    time = time.astimezone(UTC)
    return f"{time:%H%M%S}.{time.microsecond // 1000:03d}", f"{time:%d%m%y}"


def degrees_text(value: float | None, digits: int, positive: str, negative: str) -> tuple[str, str]:
    """`[d]ddmm.mmmmm` and the hemisphere's letter."""
    if value is None:
        return "", ""
    degrees, minutes = divmod(round(abs(value) * _MINUTES_GRID), _MINUTES_GRID)
    return f"{degrees:0{digits}d}{minutes / 100_000:08.5f}", negative if value < 0 else positive


def knots_text(speed_kmh: float | None) -> str:
    """Knots from km/h."""
    return "" if speed_kmh is None else f"{speed_kmh / KMH_PER_KNOT:.4f}"
