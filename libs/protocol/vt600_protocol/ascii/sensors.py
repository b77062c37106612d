"""Fuel and temperature: fields 19 and 20 of a report ↔ values (SPEC §4.3).

Both are lists parted by bars: two hex digits of tank or sensor, four of the value × 10. An entry of another form goes to `odd`.
"""

from vt600_protocol.messages import SensorTemperature, TankLevel
from vt600_protocol.values import hex_digits, hex_text

_MINUS = 0x8000
_TENTHS = 10
_ENTRY_DIGITS = 6


def decode_fuel(text: str, odd: list[str]) -> tuple[TankLevel, ...]:
    """Litres in each tank."""
    return tuple([TankLevel(tank=tank, litres=value / _TENTHS) for tank, value in _entries(text, odd)])


def decode_temperatures(text: str, odd: list[str]) -> tuple[SensorTemperature, ...]:
    """What each sensor reads; bit 15 is the sign."""
    return tuple(
        [
            SensorTemperature(sensor=sensor, celsius=(value & ~_MINUS) / (-_TENTHS if value & _MINUS else _TENTHS))
            for sensor, value in _entries(text, odd)
        ]
    )


def fuel_text(fuel: tuple[TankLevel, ...]) -> str:
    """The levels as field 19."""
    return "|".join(hex_text(level.tank, 2) + hex_text(round(level.litres * _TENTHS), 4) for level in fuel)


def temperatures_text(temperatures: tuple[SensorTemperature, ...]) -> str:
    """The readings as field 20."""
    return "|".join(hex_text(reading.sensor, 2) + _celsius_text(reading.celsius) for reading in temperatures)


def _entries(text: str, odd: list[str]) -> list[tuple[int, int]]:
    entries = []
    for part in text.split("|"):
        number = hex_digits(part, _ENTRY_DIGITS)
        if number is None:
            odd.append(part)
        else:
            entries.append((number >> 16, number & 0xFFFF))
    return entries


def _celsius_text(celsius: float) -> str:
    tenths = round(abs(celsius) * _TENTHS)
    if tenths >= _MINUS:
        raise ValueError(f"{celsius} °C has no form")
    return hex_text(tenths | _MINUS if celsius < 0 else tenths, 4)
