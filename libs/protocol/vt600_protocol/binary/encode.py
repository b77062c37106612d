"""Reports → data of `9955` and `9999` frames (SPEC §3.6, §3.7)."""

from vt600_protocol.binary.alarms import CODE_OF
from vt600_protocol.binary.rmc import degrees_text, knots_text, time_text
from vt600_protocol.messages import Cell, PositionReport
from vt600_protocol.values import hex_text, number_text, wire_text

_ODOMETER_WRAPS_AT = 1 << 32


def report_data(report: PositionReport) -> bytes:
    """The alarm byte of a `9999` whose code is known, then the text fields as far as the last one that is present."""
    journey = None if report.odometer_m is None else report.odometer_m % _ODOMETER_WRAPS_AT
    fields = [
        _rmc(report),
        number_text(report.hdop),
        number_text(report.altitude_m),
        hex_text(report.status, 4),
        ",".join(hex_text(value, 4) for value in report.analog_raw),
        _base_id(report.cell),
        hex_text(report.csq, 2),
        hex_text(journey, 8),
        hex_text(report.satellites, 2),
        wire_text(report.driver_text),
    ]
    while not fields[-1]:
        fields.pop()
    text = "|".join(fields).encode("latin-1")
    alarm = alarm_code(report) if report.code == "9999" else None
    return text if alarm is None else bytes([alarm]) + text


def alarm_code(report: PositionReport) -> int | None:
    """The report's own code, or the one of its event."""
    if report.event_code is not None or report.event is None:
        return report.event_code
    return CODE_OF.get((report.event, report.event_data), CODE_OF.get((report.event, None)))


def _rmc(report: PositionReport) -> str:
    clock, date = time_text(report.device_time)
    latitude, north = degrees_text(report.latitude, 2, "N", "S")
    longitude, east = degrees_text(report.longitude, 3, "E", "W")
    fix = "A" if report.fix_valid else "V"
    speed, course = knots_text(report.speed_kmh), number_text(report.course_deg)
    return f"{clock},{fix},{latitude},{north},{longitude},{east},{speed},{course},{date},,*00"


def _base_id(cell: Cell | None) -> str:
    """MCC, MNC, LAC and cell id in hex; the cell id has eight digits where four do not hold it."""
    if cell is None:
        return ""
    head = hex_text(cell.mcc, 4) + hex_text(cell.mnc, 4) + hex_text(cell.lac, 4)
    return head + hex_text(cell.cell_id, 4 if cell.cell_id <= 0xFFFF else 8)
