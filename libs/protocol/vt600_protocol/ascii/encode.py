"""Reports → data of `000` and `010` frames (SPEC §4.3)."""

from vt600_protocol.messages import Obd, PositionReport


def report_data(report: PositionReport) -> bytes:
    """The comma-separated fields, as far as the last one that is present but never fewer than eighteen."""
    time = report.device_time
    cell = report.cell
    fields = [
        _text(report.event_code),
        report.event_data or "",
        "" if time is None else f"{time:%y%m%d%H%M%S}",
        "A" if report.fix_valid else "V",
        "" if report.latitude is None else f"{report.latitude:.6f}",
        "" if report.longitude is None else f"{report.longitude:.6f}",
        _text(report.satellites),
        _text(report.hdop),
        _text(report.speed_kmh),
        _text(report.course_deg),
        _text(report.altitude_m),
        _text(report.odometer_m),
        "" if cell is None else f"{cell.mcc}|{cell.mnc}|{cell.lac:X}|{cell.cell_id:X}",
        _text(report.csq),
        "" if report.status is None else f"{report.status:08X}",
        "" if report.inputs is None else f"{report.inputs:02X}",
        "" if report.outputs is None else f"{report.outputs:02X}",
        "|".join(f"{value:04X}" for value in report.analog_raw),
    ]
    tail = [
        _text(report.pro_code),
        "|".join(f"{level.tank:02X}{round(level.litres * 10):04X}" for level in report.fuel),
        "|".join(f"{entry.sensor:02X}{_celsius(entry.celsius):04X}" for entry in report.temperatures),
        "" if report.obd is None else _obd(report.obd),
        *report.unparsed,
    ]
    while tail and tail[-1] == "":
        tail.pop()
    return ",".join(fields + tail).encode("latin-1")


def _text(value: float | None) -> str:
    """A number as short as it can be; whole numbers without a point."""
    if value is None:
        return ""
    return str(value) if isinstance(value, int) else repr(value).removesuffix(".0")


def _celsius(value: float) -> int:
    tenths = round(abs(value) * 10)
    return tenths | 0x8000 if value < 0 else tenths


def _obd(obd: Obd) -> str:
    intake = None if obd.intake_temperature_c is None else obd.intake_temperature_c + 40
    coolant = None if obd.coolant_c is None else obd.coolant_c + 40
    rate = None if obd.fuel_rate_l_h is None else obd.fuel_rate_l_h * 10
    values = (
        obd.rpm, obd.engine_load_pct, obd.air_flow_g_s, obd.intake_pressure_kpa, intake, obd.throttle_pct, coolant, rate
    )  # fmt: skip
    return "|".join(map(_text, values)) + "|" + (obd.fuel_level or "")
