"""The NMEA RMC sentence as devices mangle it (SPEC §3.6)."""

from datetime import UTC, datetime

from vt600_protocol.values import decimal

KMH_PER_KNOT = 1.852
_CENTURY_SPLIT = 80  # years 80–99 are receiver defaults of the last century


def rmc_time(time: str, date: str) -> datetime | None:
    """The device's clock from `hhmmss[.fff]` and `ddmmyy`; None when either is missing or no date of the calendar."""
    date = date[:6]
    clock, _, fraction = time.partition(".")
    if len(date) != 6 or len(clock) != 6 or not (date + clock + fraction).isdecimal():
        return None
    year = int(date[4:6])
    try:
        return datetime(
            year + (1900 if year >= _CENTURY_SPLIT else 2000),
            int(date[2:4]),
            int(date[:2]),
            int(clock[:2]),
            int(clock[2:4]),
            int(clock[4:6]),
            int(fraction[:6].ljust(6, "0")),
            UTC,
        )
    except ValueError:
        return None


def rmc_degrees(text: str, hemisphere: str, limit: int) -> float | None:
    """Decimal degrees from `[d]ddmm.mmmm`: the last two digits before the dot begin the minutes."""
    dot = text.find(".")
    split = (dot if dot >= 0 else len(text)) - 2
    if split < 0:
        return None
    minutes = decimal(text[split:])
    whole = text[:split]
    if minutes is None or not 0 <= minutes < 60 or (whole and not whole.isdecimal()) or len(whole) > 3:
        return None
    degrees = round((int(whole) if whole else 0) + minutes / 60, 7)
    if degrees > limit:
        return None
    return -degrees if hemisphere in ("S", "W") else degrees


def rmc_speed_kmh(text: str) -> float | None:
    """km/h from knots."""
    knots = decimal(text)
    return None if knots is None or knots < 0 else round(knots * KMH_PER_KNOT, 3)
