"""The text fields of position reports, both dialects: what each is called and which field of the message it fills (SPEC §3.6, §4.3)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vt600_protocol.messages import PositionReport
from vt600_protocol.tools.findings import Value
from vt600_protocol.tools.spelling import bits_text, data_text, shown
from vt600_protocol.tools.strip import Strip

Meaning = Callable[[PositionReport, str], str | None]

_STATE_BITS = (
    {bit: f"output {bit + 1} on" for bit in range(5)}
    | dict.fromkeys((5, 6, 7, 15), "reserved")
    | {bit: f"input {bit - 7} active" for bit in range(8, 13)}
    | {13: "external power, inferred", 14: "driver logged in, inferred"}
)
_STATUS_BITS = {
    0: "server 1 connected",
    1: "server 2 connected",
    2: "fix valid",
    3: "external power",
    4: "GPS antenna connected",
    5: "standing still",
    6: "armed",
    7: "driver card logged in",
    8: "taken off",
}
_INPUT_BITS = {bit: f"input {bit + 1} active" for bit in range(8)}
_OUTPUT_BITS = {bit: f"output {bit + 1} on" for bit in range(8)}
_ISTARTEK_AD_COUNT = 4


@dataclass(frozen=True, slots=True)
class Field:
    """One text field. `attribute` is the field of the report that holds what was read; without one the text is shown as it is."""

    name: str
    attribute: str | None = None
    unit: str | None = None
    meaning: Meaning | None = None
    section: str = "§3.6"

    def take(self, strip: Strip, report: PositionReport, text: str, size: int) -> None:
        """Take the field's bytes, which are the text and its separator."""
        value: Value = data_text(text.encode("latin-1"))
        if self.attribute is not None:
            value = shown(getattr(report, self.attribute))
        meaning = None if self.meaning is None else self.meaning(report, text)
        if not text.strip():
            meaning = meaning or "blank"
        elif value is None:
            meaning = meaning or "unreadable"
        unit = None if value is None else self.unit
        strip.take(size, self.name, self.section, value=value, unit=unit, meaning=meaning, field=self.attribute)


def take_fields(
    strip: Strip, report: PositionReport, texts: Sequence[str], fields: Sequence[Field], other: Field, *, closed: bool
) -> None:
    """Take texts that were parted by one character; those beyond the table are `other`. `closed`: one follows the last, too."""
    for number, text in enumerate(texts):
        field = fields[number] if number < len(fields) else other
        is_last = number == len(texts) - 1
        field.take(strip, report, text, len(text) + (0 if is_last and not closed else 1))


def event_meaning(report: PositionReport, _text: str) -> str:
    """What caused the report, and whether somebody should look at it."""
    event = " ".join(filter(None, (report.event, report.event_data))) or "unknown"
    return f"{event}, an alarm" if report.is_alarm else event


def _fix(report: PositionReport, _text: str) -> str:
    return "a fix" if report.fix_valid else "no fix; a place is the last known one"


def _knots(_report: PositionReport, text: str) -> str | None:
    return f"{text} knots" if text.strip() else None


def _state(report: PositionReport, _text: str) -> str | None:
    return bits_text(report.status, _STATE_BITS)


def _istartek_volts(report: PositionReport, _text: str) -> str | None:
    if len(report.analog_raw) != _ISTARTEK_AD_COUNT:
        return None
    return f"AD3 as supply {report.analog_raw[2] * 48 / 1024:.2f} V, AD4 as battery {report.analog_raw[3] * 6 / 1024:.2f} V, inferred"


def _status(report: PositionReport, _text: str) -> str | None:
    return bits_text(report.status, _STATUS_BITS)


def _inputs(report: PositionReport, _text: str) -> str | None:
    return bits_text(report.inputs, _INPUT_BITS)


def _outputs(report: PositionReport, _text: str) -> str | None:
    return bits_text(report.outputs, _OUTPUT_BITS)


def _volts(report: PositionReport, _text: str) -> str | None:
    names = ["supply", "battery", *(f"AD{number}" for number in range(1, len(report.analog_raw)))]
    return ", ".join(f"{name} {raw / 100:.2f} V" for name, raw in zip(names, report.analog_raw, strict=False)) or None


def _trouble(report: PositionReport, _text: str) -> str | None:
    codes = shown(report.trouble_codes)
    return None if codes is None else str(codes)


ALARM_CODE = Field("alarm code", "event_code", meaning=event_meaning, section="§3.7")
RMC_FIELDS = (
    Field("time UTC", "device_time"),
    Field("fix", "fix_valid", meaning=_fix),
    Field("latitude", "latitude", "°"),
    Field("N or S"),
    Field("longitude", "longitude", "°"),
    Field("E or W"),
    Field("speed", "speed_kmh", "km/h", _knots),
    Field("course", "course_deg", "°"),
    Field("date UTC", "device_time"),
    Field("variation"),
    Field("its direction"),
    Field("mode"),
)
RMC_REST = Field("more of RMC")
RMC_CHECKSUM = Field("NMEA checksum", meaning=lambda _report, _text: "not verified")
BINARY_FIELDS = (
    Field("HDOP", "hdop"),
    Field("altitude", "altitude_m", "m"),
    Field("state", "status", meaning=_state),
    Field("AD list", "analog_raw", meaning=_istartek_volts),
    Field("base ID", "cell"),
    Field("CSQ", "csq"),
    Field("journey", "odometer_m", "m"),
    Field("satellites", "satellites"),
)
DRIVER_TEXT = Field("driver text", "driver_text")

ASCII_FIELDS = (
    Field("event code", "event_code", meaning=event_meaning, section="§4.6"),
    Field("event data", "event_data", meaning=_trouble, section="§4.6"),
    Field("time UTC", "device_time", section="§4.3"),
    Field("fix", "fix_valid", meaning=_fix, section="§4.3"),
    Field("latitude", "latitude", "°", section="§4.3"),
    Field("longitude", "longitude", "°", section="§4.3"),
    Field("satellites", "satellites", section="§4.3"),
    Field("HDOP", "hdop", section="§4.3"),
    Field("speed", "speed_kmh", "km/h", section="§4.3"),
    Field("course", "course_deg", "°", section="§4.3"),
    Field("altitude", "altitude_m", "m", section="§4.3"),
    Field("odometer", "odometer_m", "m", section="§4.3"),
    Field("cell", "cell", section="§4.3"),
    Field("signal", "csq", section="§4.3"),
    Field("system status", "status", meaning=_status, section="§4.3"),
    Field("inputs", "inputs", meaning=_inputs, section="§4.3"),
    Field("outputs", "outputs", meaning=_outputs, section="§4.3"),
    Field("voltages", "analog_raw", meaning=_volts, section="§4.3"),
    Field("pro-code", "pro_code", section="§4.3"),
    Field("fuel", "fuel", section="§4.3"),
    Field("temperature", "temperatures", section="§4.3"),
    Field("OBD", "obd", section="§4.3"),
)
EXTRA = Field("extra field", section="§4.3")
IGNITION_TIME = Field("ignition on", "ignition_on_s", "s", section="§4.3")
ASCII_DRIVER_TEXT = Field("driver text", "driver_text", section="§4.3")
