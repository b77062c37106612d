"""Engine values: field 21 of a report ↔ Obd (SPEC §4.3)."""

from vt600_protocol.messages import Obd
from vt600_protocol.values import decimal, integer, number_text, printable, wire_text

_VALUES = 9
_ZERO_C = 40  # temperatures are sent with 40 °C added
_TENTHS = 10  # the fuel rate is sent × 10


def decode_obd(text: str) -> Obd | None:
    """Nine values parted by bars, each may be empty; None when there are not nine."""
    values = text.split("|")
    if len(values) != _VALUES:
        return None
    rpm, load, air_flow, pressure, intake, throttle, coolant, rate, level = values
    tenths = decimal(rate)
    return Obd(
        rpm=integer(rpm),
        engine_load_pct=integer(load),
        air_flow_g_s=decimal(air_flow),
        intake_pressure_kpa=integer(pressure),
        intake_temperature_c=_moved(integer(intake), -_ZERO_C),
        throttle_pct=integer(throttle),
        coolant_c=_moved(integer(coolant), -_ZERO_C),
        fuel_rate_l_h=None if tenths is None else tenths / _TENTHS,
        fuel_level=printable(level) if level else None,
    )


def obd_text(obd: Obd | None) -> str:
    """The nine values; blank for None."""
    if obd is None:
        return ""
    values = (
        obd.rpm,
        obd.engine_load_pct,
        obd.air_flow_g_s,
        obd.intake_pressure_kpa,
        _moved(obd.intake_temperature_c, _ZERO_C),
        obd.throttle_pct,
        _moved(obd.coolant_c, _ZERO_C),
        None if obd.fuel_rate_l_h is None else obd.fuel_rate_l_h * _TENTHS,
    )
    return "|".join([*map(number_text, values), wire_text(obd.fuel_level)])


def _moved(value: int | None, by: int) -> int | None:
    return None if value is None else value + by
