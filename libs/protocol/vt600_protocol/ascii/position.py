"""The fields of `000` and `010` → PositionReport (SPEC §4.3, §4.6)."""

from datetime import datetime
from functools import lru_cache
from typing import NamedTuple

from vt600_protocol.ascii.events import EVENT_CODES
from vt600_protocol.ascii.obd import decode_obd
from vt600_protocol.ascii.sensors import decode_fuel, decode_temperatures
from vt600_protocol.ascii.trouble import decode_trouble_codes
from vt600_protocol.errors import ContentError
from vt600_protocol.events import EVENTS
from vt600_protocol.messages import Cell, Obd, PositionReport, SensorTemperature, TankLevel
from vt600_protocol.values import altitude, decimal, hexadecimal, integer, moment, printable

DRIVER_TEXT_PRO_CODE = 131
IGNITION_TIME_PRO_CODE = 129
_TROUBLE_CODES_EVENT = 56

_FIELDS = 22  # as far as OBD; extras follow
_BLANKS = [""] * _FIELDS
_FIXES = ("A", "V")
_CONNECTED_BIT = 1
_EXTERNAL_POWER_BIT = 8
# Event code → event, event data where the frame has none, whether it is an alarm.
_MEANINGS = {code: (event, data, EVENTS[event]) for code, (event, data) in EVENT_CODES.items()}
_UNKNOWN = (None, None, False)


class _Tail(NamedTuple):
    """What the last fields say; `unparsed` is what no field of the SPEC explains."""

    unparsed: tuple[str, ...]
    fuel: tuple[TankLevel, ...] = ()
    temperatures: tuple[SensorTemperature, ...] = ()
    obd: Obd | None = None
    driver_text: str | None = None
    ignition_on_s: int | None = None


def decode_position(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> PositionReport:
    """A report; its fields may end anywhere, and what is not there is None."""
    fields = content.decode("latin-1").split(",")
    fields += _BLANKS[len(fields) :]
    event_code = integer(fields[0])
    event, event_data, is_alarm = _UNKNOWN if event_code is None else _MEANINGS.get(event_code, _UNKNOWN)
    device_time = _time(fields[2])
    latitude, longitude = _place(fields[4], fields[5])
    status = hexadecimal(fields[14])
    if status is None and device_time is None and latitude is None and fields[3] not in _FIXES:
        raise ContentError("nothing of the fields can be read, neither time nor place nor status")
    cell = _cell(fields[12])
    volts = [hexadecimal(value) for value in fields[17].split("|")]
    pro_code = integer(fields[18])
    unparsed, fuel, temperatures, obd, driver_text, ignition_on_s = _tail(fields, cell, volts, pro_code)
    return PositionReport(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        event=event,
        event_code=event_code,
        event_data=printable(fields[1]) if fields[1] else event_data,
        is_alarm=is_alarm,
        confirm=code == "010",
        device_time=device_time,
        fix_valid=fields[3] == "A" and latitude is not None,
        latitude=latitude,
        longitude=longitude,
        speed_kmh=decimal(fields[8]),
        course_deg=decimal(fields[9]),
        altitude_m=altitude(fields[10]),
        hdop=decimal(fields[7]),
        satellites=integer(fields[6]),
        odometer_m=integer(fields[11]),
        cell=cell,
        csq=integer(fields[13]),
        inputs=hexadecimal(fields[15]),
        outputs=hexadecimal(fields[16]),
        status=status,
        external_power=None if status is None else status & _EXTERNAL_POWER_BIT != 0,
        external_v=_hundredths(volts[0]),
        battery_v=_hundredths(volts[1]) if len(volts) > 1 else None,
        analog_raw=_whole(volts),
        stored=None if status is None else status & _CONNECTED_BIT == 0,
        pro_code=pro_code,
        fuel=fuel,
        temperatures=temperatures,
        obd=obd,
        driver_text=driver_text,
        unparsed=unparsed,
        trouble_codes=decode_trouble_codes(fields[1]) if event_code == _TROUBLE_CODES_EVENT else (),
        ignition_on_s=ignition_on_s,
    )


def _time(text: str) -> datetime | None:
    """`YYMMDDHHmmss`, always UTC."""
    return moment(text[:2], text[2:4], text[4:6], text[6:]) if len(text) == 12 else None


def _place(latitude_text: str, longitude_text: str) -> tuple[float, float] | tuple[None, None]:
    """Signed decimal degrees; half a place is none."""
    latitude, longitude = decimal(latitude_text), decimal(longitude_text)
    if latitude is None or longitude is None or not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        return None, None
    return latitude, longitude


@lru_cache(maxsize=8192)
def _cell(text: str) -> Cell | None:
    """`MCC|MNC|LAC|CI`: the first two decimal, the others hex. Units stay in few cells, so they are remembered."""
    parts = text.split("|")
    if len(parts) != 4:
        return None
    mcc, mnc, lac, cell_id = integer(parts[0]), integer(parts[1]), hexadecimal(parts[2]), hexadecimal(parts[3])
    if mcc is None or mnc is None or lac is None or cell_id is None:
        return None
    return Cell(mcc=mcc, mnc=mnc, lac=lac, cell_id=cell_id)


def _hundredths(value: int | None) -> float | None:
    return None if value is None else value / 100


def _whole(volts: list[int | None]) -> tuple[int, ...]:
    """All voltages as sent, in hundredths; empty when one of them is unreadable, for then their places say nothing."""
    values = tuple([value for value in volts if value is not None])
    return values if len(values) == len(volts) else ()


def _tail(fields: list[str], cell: Cell | None, volts: list[int | None], pro_code: int | None) -> _Tail:
    odd = [] if cell is not None else [fields[12].strip("|")]
    if None in volts:
        odd.append(fields[17])
    if not any(fields[19:]):
        return _Tail(_kept(odd))
    fuel = decode_fuel(fields[19], odd) if fields[19] else ()
    temperatures = decode_temperatures(fields[20], odd) if fields[20] else ()
    obd = decode_obd(fields[21])
    if obd is None:
        odd.append(fields[21])
    driver_text = ignition_on_s = None
    extras = fields[_FIELDS:]
    if pro_code == DRIVER_TEXT_PRO_CODE:
        driver_text = printable(",".join(extras)) or None
    elif pro_code == IGNITION_TIME_PRO_CODE and len(extras) == 1 and (seconds := integer(extras[0])) is not None:
        ignition_on_s = seconds
    else:
        odd += extras
    return _Tail(_kept(odd), fuel, temperatures, obd, driver_text, ignition_on_s)


def _kept(texts: list[str]) -> tuple[str, ...]:
    return tuple([printable(text) for text in texts if text]) if texts else ()
