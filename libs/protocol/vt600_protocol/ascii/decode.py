"""ASCII uplink frames → messages (SPEC §4.2, §4.3, §4.5–§4.7)."""

from datetime import UTC, datetime

from vt600_protocol.ascii.events import EVENT_CODES
from vt600_protocol.errors import ContentError
from vt600_protocol.events import EVENTS
from vt600_protocol.messages import (
    Cell,
    CommandReply,
    Heartbeat,
    Message,
    Obd,
    PositionReport,
    SensorTemperature,
    TankLevel,
    Unknown,
)
from vt600_protocol.values import decimal, hexadecimal, integer, printable

_POSITION_FIELDS = 18  # the shortest form ends with the voltages (SPEC §4.3)
_ALTITUDE_LIMIT_M = 20_000
_CONNECTED_BIT = 1
_EXTERNAL_POWER_BIT = 8
_NOT_REPLIES = frozenset(("020", "710"))


def decode(frame: bytes) -> Message:
    """The message of a whole frame whose length, end and sum are right. ContentError when it cannot be read."""
    packet_no = chr(frame[2])
    body = frame[frame.index(b",", 3) + 1 : -4]
    name, comma, rest = body.partition(b",")
    command, _, content = rest.partition(b",")
    device_id, code = name.decode("latin-1"), command.decode("latin-1")
    if not (3 <= len(device_id) <= 16 and device_id.isascii() and device_id.isalnum()):
        raise ContentError(
            f"the identity {printable(device_id)!r} is not 3 to 16 letters or digits", raw=frame, dialect="ascii"
        )
    if not comma or len(code) != 3 or not code.isdecimal():
        raise ContentError(f"the command {printable(code)!r} is not three digits", raw=frame, dialect="ascii")
    if code in ("000", "010"):
        return _report(device_id, code, packet_no, frame, content)
    if code == "030":
        return Heartbeat(
            dialect="ascii", device_id=device_id, code=code, packet_no=packet_no, raw=frame, content=content
        )
    if code in _NOT_REPLIES:
        return Unknown(
            dialect="ascii",
            device_id=device_id,
            code=code,
            packet_no=packet_no,
            raw=frame,
            content=content,
            confirm=code == "020",
        )
    return _reply(device_id, code, packet_no, frame, content)


def _reply(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> CommandReply:
    text = printable(content.decode("latin-1"))
    word = text.strip().upper()
    refused = word in ("UNSUPPORT", "FAILED")
    return CommandReply(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        answers=code,
        ok=True if word == "OK" else False if refused else None,
        reason=text.strip() if refused else None,
        text=text,
    )


def _report(device_id: str, code: str, packet_no: str, frame: bytes, content: bytes) -> PositionReport:
    fields = content.decode("latin-1").split(",")
    if len(fields) < _POSITION_FIELDS:
        raise ContentError(f"the position has {len(fields)} of {_POSITION_FIELDS} fields", raw=frame, dialect="ascii")
    event_code = integer(fields[0])
    event, default_data = EVENT_CODES.get(event_code, (None, None)) if event_code is not None else (None, None)
    latitude, longitude, altitude = decimal(fields[4]), decimal(fields[5]), decimal(fields[10])
    status = hexadecimal(fields[14])
    volts = _volts(fields[17])
    tail = fields[18:]
    return PositionReport(
        dialect="ascii",
        device_id=device_id,
        code=code,
        packet_no=packet_no,
        raw=frame,
        content=content,
        event=event,
        event_code=event_code,
        event_data=printable(fields[1]) if fields[1] else default_data,
        is_alarm=EVENTS[event] if event is not None else False,
        confirm=code == "010",
        device_time=_time(fields[2]),
        fix_valid=fields[3] == "A",
        latitude=latitude if latitude is not None and -90 <= latitude <= 90 else None,
        longitude=longitude if longitude is not None and -180 <= longitude <= 180 else None,
        speed_kmh=decimal(fields[8]),
        course_deg=decimal(fields[9]),
        altitude_m=altitude if altitude is not None and -_ALTITUDE_LIMIT_M <= altitude <= _ALTITUDE_LIMIT_M else None,
        hdop=decimal(fields[7]),
        satellites=integer(fields[6]),
        odometer_m=integer(fields[11]),
        cell=_cell(fields[12]),
        csq=integer(fields[13]),
        inputs=hexadecimal(fields[15]),
        outputs=hexadecimal(fields[16]),
        status=status,
        external_power=None if status is None else bool(status & _EXTERNAL_POWER_BIT),
        external_v=volts[0] / 100 if volts else None,
        battery_v=volts[1] / 100 if len(volts) > 1 else None,
        analog_raw=volts,
        stored=None if status is None else not status & _CONNECTED_BIT,
        pro_code=integer(tail[0]) if tail else None,
        fuel=_fuel(tail[1]) if len(tail) > 1 and tail[1] else (),
        temperatures=_temperatures(tail[2]) if len(tail) > 2 and tail[2] else (),
        obd=_obd(tail[3]) if len(tail) > 3 and tail[3] else None,
        driver_text=None,
        unparsed=_unparsed(tail),
    )


def _time(text: str) -> datetime | None:
    """`YYMMDDHHmmss`, always UTC."""
    if len(text) != 12 or not text.isdecimal():
        return None
    try:
        return datetime(
            2000 + int(text[:2]),
            int(text[2:4]),
            int(text[4:6]),
            int(text[6:8]),
            int(text[8:10]),
            int(text[10:]),
            0,
            UTC,
        )
    except ValueError:
        return None


def _cell(text: str) -> Cell | None:
    """`MCC|MNC|LAC|CI`: the first two decimal, the others hex."""
    parts = text.split("|")
    if len(parts) != 4:
        return None
    mcc, mnc, lac, cell_id = integer(parts[0]), integer(parts[1]), hexadecimal(parts[2]), hexadecimal(parts[3])
    if mcc is None or mnc is None or lac is None or cell_id is None:
        return None
    return Cell(mcc=mcc, mnc=mnc, lac=lac, cell_id=cell_id)


def _volts(text: str) -> tuple[int, ...]:
    """`ext|bat[|ad1…]` in hundredths of a volt; empty when any is unreadable."""
    values = tuple(hexadecimal(part) for part in text.split("|"))
    return () if None in values else values  # type: ignore[return-value]


def _fuel(text: str) -> tuple[TankLevel, ...]:
    """`TTLLLL[|…]`: tank number, then litres × 10 in hex; parts of another form are left out."""
    parts = ((hexadecimal(part[:2], 2), hexadecimal(part[2:], 4)) for part in text.split("|"))
    return tuple(TankLevel(tank=tank, litres=raw / 10) for tank, raw in parts if tank is not None and raw is not None)


def _temperatures(text: str) -> tuple[SensorTemperature, ...]:
    """`SSVVVV[|…]`: sensor, then °C × 10 in hex with bit 15 as minus."""
    parts = ((hexadecimal(part[:2], 2), hexadecimal(part[2:], 4)) for part in text.split("|"))
    return tuple(
        SensorTemperature(sensor=sensor, celsius=(raw & 0x7FFF) / (-10 if raw & 0x8000 else 10))
        for sensor, raw in parts
        if sensor is not None and raw is not None
    )


def _obd(text: str) -> Obd | None:
    """Nine values parted by bars, each may be empty; temperatures are sent with 40 °C added."""
    parts = text.split("|")
    if len(parts) != 9:
        return None
    rpm, load, air_flow, pressure, intake, throttle, coolant, rate, level = parts
    intake_c, coolant_c, tenths = integer(intake), integer(coolant), decimal(rate)
    return Obd(
        rpm=integer(rpm),
        engine_load_pct=integer(load),
        air_flow_g_s=decimal(air_flow),
        intake_pressure_kpa=integer(pressure),
        intake_temperature_c=None if intake_c is None else intake_c - 40,
        throttle_pct=integer(throttle),
        coolant_c=None if coolant_c is None else coolant_c - 40,
        fuel_rate_l_h=None if tenths is None else tenths / 10,
        fuel_level=printable(level) if level else None,
    )


def _unparsed(tail: list[str]) -> tuple[str, ...]:
    """Extras behind the known fields, and an OBD field of another form; their layout depends on the pro-code (SPEC §4.3)."""
    odd_obd = tail[3:4] if len(tail) > 3 and tail[3].count("|") != 8 else []
    return tuple(printable(text) for text in odd_obd + tail[4:] if text)
