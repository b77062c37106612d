"""Reports → data of `9955` and `9999` frames (SPEC §3.6, §3.7)."""

from vt600_protocol.binary.rmc import KMH_PER_KNOT
from vt600_protocol.messages import PositionReport


def report_data(report: PositionReport) -> bytes:
    """The alarm byte of a `9999` whose code is known, then the text fields as far as the last one that is present."""
    fields = [
        _rmc(report),
        _number(report.hdop),
        _number(report.altitude_m),
        "" if report.status is None else f"{report.status:04X}",
        ",".join(f"{value:04X}" for value in report.analog_raw),
        _cell(report),
        "" if report.csq is None else f"{report.csq:02X}",
        "" if report.odometer_m is None else f"{report.odometer_m & 0xFFFFFFFF:08X}",
        "" if report.satellites is None else f"{report.satellites:02X}",
        report.driver_text or "",
    ]
    while fields[-1] == "":
        fields.pop()
    text = "|".join(fields).encode("latin-1")
    return text if report.event_code is None else bytes([report.event_code]) + text


def _rmc(report: PositionReport) -> str:
    time = report.device_time
    clock = "" if time is None else f"{time:%H%M%S}.{time.microsecond // 1000:03d}"
    date = "" if time is None else f"{time:%d%m%y}"
    speed = "" if report.speed_kmh is None else f"{report.speed_kmh / KMH_PER_KNOT:.4f}"
    return ",".join(
        (
            clock,
            "A" if report.fix_valid else "V",
            *_degrees(report.latitude, 2, "NS"),
            *_degrees(report.longitude, 3, "EW"),
            speed,
            _number(report.course_deg),
            date,
            "",
            "*00",
        )
    )


def _degrees(value: float | None, width: int, hemispheres: str) -> tuple[str, str]:
    """`[d]ddmm.mmmmm` and the hemisphere's letter."""
    if value is None:
        return "", ""
    hundred_thousandths = round(abs(value) * 60 * 100_000)
    degrees, minutes = divmod(hundred_thousandths, 60 * 100_000)
    return f"{degrees:0{width}d}{minutes / 100_000:08.5f}", hemispheres[value < 0]


def _cell(report: PositionReport) -> str:
    cell = report.cell
    if cell is None:
        return ""
    width = 4 if cell.cell_id <= 0xFFFF else 8
    return f"{cell.mcc:04X}{cell.mnc:04X}{cell.lac:04X}{cell.cell_id:0{width}X}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:g}"
