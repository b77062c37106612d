"""Reports → data of `000` and `010` frames (SPEC §4.3)."""

from datetime import UTC

from vt600_protocol.ascii.events import CODE_OF, EVENT_CODES
from vt600_protocol.ascii.obd import obd_text
from vt600_protocol.ascii.position import DRIVER_TEXT_PRO_CODE
from vt600_protocol.ascii.sensors import fuel_text, temperatures_text
from vt600_protocol.messages import PositionReport
from vt600_protocol.values import hex_text, number_text, wire_text


def report_data(report: PositionReport) -> bytes:
    """The comma-separated fields, as far as the last one that is present but never fewer than eighteen."""
    event_code = _event_code(report)
    tail = [
        number_text(report.pro_code),
        fuel_text(report.fuel),
        temperatures_text(report.temperatures),
        obd_text(report.obd),
        *_extras(report),
    ]
    while tail and not tail[-1]:
        tail.pop()
    fields = [
        number_text(event_code),
        _event_data(report, event_code),
        "" if report.device_time is None else f"{report.device_time.astimezone(UTC):%y%m%d%H%M%S}",
        "A" if report.fix_valid else "V",
        _degrees(report.latitude),
        _degrees(report.longitude),
        number_text(report.satellites),
        number_text(report.hdop),
        number_text(report.speed_kmh),
        number_text(report.course_deg),
        number_text(report.altitude_m),
        number_text(report.odometer_m),
        _cell(report),
        number_text(report.csq),
        hex_text(report.status, 8),
        hex_text(report.inputs, 2),
        hex_text(report.outputs, 2),
        "|".join(hex_text(value, 4) for value in report.analog_raw),
        *tail,
    ]
    return ",".join(fields).encode("latin-1")


def _event_code(report: PositionReport) -> int | None:
    """The report's own code, or the one of its event."""
    if report.event_code is not None or report.event is None:
        return report.event_code
    return CODE_OF.get((report.event, report.event_data), CODE_OF.get((report.event, None)))


def _event_data(report: PositionReport, event_code: int | None) -> str:
    """What follows the event code: blank where decoding supplies it."""
    supplied = None if event_code is None else EVENT_CODES.get(event_code, (None, None))[1]
    text = "" if report.event_data == supplied else wire_text(report.event_data)
    if "," in text:
        raise ValueError(f"event data cannot hold a comma: {text!r}")
    return text


def _degrees(value: float | None) -> str:
    return "" if value is None else f"{value:.6f}"


def _cell(report: PositionReport) -> str:
    cell = report.cell
    return "" if cell is None else f"{cell.mcc}|{cell.mnc}|{cell.lac:X}|{cell.cell_id:X}"


def _extras(report: PositionReport) -> list[str]:
    """What follows the OBD field: the driver's text under its pro-code, else what decoding kept as it came."""
    if report.pro_code == DRIVER_TEXT_PRO_CODE:
        return [wire_text(report.driver_text)]
    if report.ignition_on_s is not None:
        return [number_text(report.ignition_on_s)]
    return [wire_text(text) for text in report.unparsed]
