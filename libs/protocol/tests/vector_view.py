"""A frame as docs/protocol/vectors.json describes it: the same keys, units and shapes."""

from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from vt600_protocol import (
    ButtonPhones,
    CardReport,
    ChecksumError,
    CommandFrame,
    CommandReply,
    ContentError,
    DeviceProfile,
    EngineReport,
    EngineTotals,
    Identity,
    LoggedPosition,
    Login,
    LoginReply,
    Message,
    Obd,
    PhotoStart,
    PositionReport,
    Role,
    StoredRecords,
    TroubleCodeReport,
    decode_datagram,
    encode_login_reply,
)
from vt600_protocol.commands import name_of
from vt600_protocol.dialects import received_by

_KNOTS = 1.852
_ROLES: dict[str, Role] = {"uplink": "server", "downlink": "device"}
_STATUS_FLAGS = (
    "server1_connected",
    "server2_connected",
    "gps_valid",
    "external_power",
    "gps_antenna_ok",
    "stopped",
    "armed",
    "driver_logged_in",
    "detached",
)
# Words of the vectors that differ from those of the vocabulary.
_ALARM_NAMES = {0x01: "input1_active", 0x31: "input1_inactive", 0x50: "external_power_cut", 0x75: "driver_card_swipe"}
_EVENT_NAMES = {"stopped": "stop_moving", "started_moving": "start_moving", "card_swiped": "card_swipe"}
_HEX = "hex:"
# Command → its name in the vectors, and the arguments whose names differ; None when none is shown.
_ARGUMENTS: dict[str, tuple[str, dict[str, str] | None]] = {
    "4103": ("set_authorised_phone", {}),
    "4108": ("set_extended", {}),
    "4110": ("factory_initialise", None),
    "4114": ("set_outputs_conditional", {}),
    "5114": ("set_outputs_conditional", {}),
    "4115": ("set_outputs", {}),
    "4131": ("set_log_interval", {"interval_s": "seconds"}),
    "4132": ("set_sms_timezone", {"offset_min": "minutes"}),
    "4135": ("set_tremble_sensitivity", {"sensitivity": "value"}),
    "4155": ("set_gprs", {"user": "apn_user", "password": "apn_password"}),
    "4303": ("set_distance_report", {"distance_m": "metres"}),
    "4902": ("restart_gps", None),
    "9003": ("read_authorised_phone", {}),
    "9016": ("read_logged", {"advance": "flag"}),
}


def describe(data: bytes, direction: str) -> dict[str, Any]:
    """`strict_result` with `expected`, or with `stream_frames` when there is more than one frame or a byte outside of it."""
    found = decode_datagram(data, _ROLES[direction])
    messages, errors = found.messages, found.errors
    if messages and not errors and (len(messages) > 1 or found.heartbeats):
        return {"strict_result": "accept_all_frames", "stream_frames": _frames(data, messages)}
    if messages:
        return {"strict_result": "accept", "expected": _expected(messages[0])}
    checksum = next((error for error in errors if isinstance(error, ChecksumError)), None)
    if checksum is None:
        return {"strict_result": "reject_length", "expected": None}
    lenient = _decode_leniently(checksum, direction)
    return {"strict_result": "reject_checksum", "expected": lenient and _expected(lenient)}


def _decode_leniently(error: ChecksumError, direction: str) -> Message | None:
    """What a wrong checksum leaves to be read of an uplink; a command must never be read like that."""
    if direction == "downlink":
        return None
    framings = received_by(_ROLES[direction]).framings
    framing = next(framing for framing in framings if framing.dialect == error.dialect)
    try:
        return framing.decode(error.raw)
    except ContentError:
        return None


def _frames(data: bytes, messages: Sequence[Message]) -> list[dict[str, Any]]:
    found, behind = [], 0
    for message in messages:
        offset = data.index(message.raw, behind)
        behind = offset + len(message.raw)
        found.append({"offset": offset, "length": len(message.raw), "expected": _expected(message)})
    return found


def _expected(message: Message) -> dict[str, Any]:
    return _binary(message) if message.dialect == "binary" else _ascii(message)


def _binary(message: Message) -> dict[str, Any]:
    packed = message.raw[4:11].hex().upper()
    identity = message.device_id
    return {
        "header": message.raw[:2].decode(),
        "device_id": identity,
        "device_id_bytes": packed,
        "imei_candidate": identity + _luhn(identity) if len(identity) == 14 else None,
        "command": f"0x{message.code}",
        **_binary_body(message),
    }


def _binary_body(message: Message) -> dict[str, Any]:
    match message:
        case Login():
            return {"server_reply_hex": encode_login_reply(message, accepted=True).hex().upper()}
        case LoginReply(accepted=accepted):
            return {"args": {"name": "login_confirm", "accepted": accepted}}
        case CommandFrame():
            return {"args": _args(message)}
        case PositionReport() | StoredRecords() | LoggedPosition():
            return _positions(message)
        case CardReport():
            place = {"latitude": message.latitude, "longitude": message.longitude}
            return {"cards": list(message.cards), **place, "device_time_utc": _time(message.device_time, "seconds")}
        case EngineReport() | EngineTotals() | TroubleCodeReport():
            return {"text": message.content.decode("latin-1")}
        case PhotoStart(photo=photo):
            return {"photo_index": photo}
        case CommandReply(values=Identity() | ButtonPhones() as values):
            return {field.name: getattr(values, field.name) for field in fields(values)}
    return {"data_hex": message.content.hex().upper()}


def _positions(message: PositionReport | StoredRecords | LoggedPosition) -> dict[str, Any]:
    match message:
        case PositionReport(code="9999"):
            return {**_alarm(message), "position": _position(message)}
        case StoredRecords(records=records):
            shown = [{**_position(record), "alarm_code": f"0x{record.event_code:02X}"} for record in records]
            return {"record_count": message.content[0], "records": shown}
        case LoggedPosition():
            head = {"device_random": message.device_random, "server_random": message.server_random}
            return {**head, "waypoints": message.records_stored, "position": _position(message.report)}
    return {"position": _position(message)}


def _alarm(report: PositionReport) -> dict[str, Any]:
    code = report.event_code
    if code is None:
        return {"alarm_code": None, "alarm_name": None}
    name = f"{report.event}{report.event_data or ''}".replace("input_", "input") if report.event else None
    if report.event in ("input_active", "input_inactive"):
        name = f"input{report.event_data}_{report.event.removeprefix('input_')}"
    return {"alarm_code": f"0x{code:02X}", "alarm_name": _ALARM_NAMES.get(code, name)}


def _args(frame: CommandFrame) -> dict[str, Any]:
    command = frame.command
    if command is None:
        return {"name": "unknown", "data_hex": frame.content.hex().upper()}
    name, renamed = _ARGUMENTS.get(frame.code, (name_of(type(command)), {}))
    if renamed is None:
        return {"name": name}
    match frame.code:
        case "4108":
            return {"name": name, "flags": list(frame.content)}
        case "4114" | "5114":
            limit = 10 if frame.code == "4114" else 20
            return {"name": name, "max_speed_kmh": limit, "outputs": list(frame.content)}
        case "4115":
            return {"name": name, "outputs": list(frame.content)}
        case "4116":
            return {"name": name, "modes": [int(digit) for digit in frame.content.decode()]}
    values = {field.name: getattr(command, field.name) for field in fields(command)}
    if frame.code == "4155":
        values["mode"] = int(frame.content[:1])
    if frame.code == "9016":
        values["advance"] = int(values["advance"])
    if frame.code == "4102":
        values = {"interval_s": values["interval_s"]}
    return {"name": name, **{renamed.get(key, key): value for key, value in values.items()}}


def _position(report: PositionReport) -> dict[str, Any]:
    tail = _tail(report)
    state_bytes = [text.removeprefix(_HEX).upper() for text in report.unparsed if text.startswith(_HEX)]
    external_v, battery_v = DeviceProfile().volts(report.analog_raw)
    return {
        "gps_valid": report.fix_valid,
        "latitude": report.latitude,
        "longitude": report.longitude,
        "speed_knots": None if report.speed_kmh is None else round(report.speed_kmh / _KNOTS, 3),
        "speed_kmh": report.speed_kmh,
        "course_deg": report.course_deg,
        "device_time_utc": _time(report.device_time, "milliseconds"),
        "hdop": report.hdop,
        "altitude_m": report.altitude_m,
        "io_state_hex": None if report.status is None else f"{report.status:04X}",
        "outputs_on": _numbers(report.outputs),
        "inputs_active": _numbers(report.inputs),
        "ad_raw": list(report.analog_raw) or None,
        "cell": _cell(report),
        "csq": report.csq,
        "odometer_m": report.odometer_m,
        "satellites": report.satellites,
        "driver_text": report.driver_text,
        **({} if external_v is None else {"inferred_external_v": external_v, "inferred_battery_v": battery_v}),
        **({"unparsed_tail": tail} if tail else {}),
        **({"io_state_raw_bytes_hex": state_bytes[0]} if state_bytes else {}),
    }


def _tail(report: PositionReport) -> list[str]:
    """What other makers send behind the AD list, as it came."""
    if (report.cell, report.csq, report.odometer_m, report.satellites) != (None, None, None, None):
        return []
    return report.content.decode("latin-1").split("|")[5:]


def _ascii(message: Message) -> dict[str, Any]:
    head = {
        "header": message.raw[:2].decode(),
        "packet_no": message.packet_no,
        "device_id": message.device_id,
        "command": message.code,
    }
    if isinstance(message, PositionReport):
        return {**head, **_ascii_position(message)}
    return {**head, "data": message.content.decode("latin-1") or None}


def _ascii_position(report: PositionReport) -> dict[str, Any]:
    texts = report.content.decode("latin-1").split(",")
    obd, event = report.obd, report.event
    return {
        "event_code": report.event_code,
        "event_name": None if event is None else _EVENT_NAMES.get(event, event),
        "event_data": texts[1] or None,
        "device_time_utc": _time(report.device_time, "seconds"),
        "gps_valid": report.fix_valid,
        "latitude": report.latitude,
        "longitude": report.longitude,
        "satellites": report.satellites,
        "hdop": report.hdop,
        "speed_kmh": report.speed_kmh,
        "course_deg": report.course_deg,
        "altitude_m": report.altitude_m,
        "odometer_m": report.odometer_m,
        "cell": _cell(report),
        "csq": report.csq,
        "system_status_hex": texts[14],
        "system_flags": {name: (report.status or 0) >> bit & 1 == 1 for bit, name in enumerate(_STATUS_FLAGS)},
        "inputs_hex": texts[15],
        "outputs_hex": texts[16],
        "inputs_active": _numbers(report.inputs),
        "outputs_on": _numbers(report.outputs),
        "external_v": report.external_v,
        "battery_v": report.battery_v,
        "ad_v": [value / 100 for value in report.analog_raw[2:]],
        "pro_code": report.pro_code,
        "fuel_l": [{"tank": level.tank, "litres": level.litres} for level in report.fuel] or None,
        "temperature": [{"sensor": r.sensor, "celsius": r.celsius} for r in report.temperatures] or None,
        "obd": None if obd is None else _obd(obd),
        "extra_fields": texts[22:] or None,
    }


def _obd(obd: Obd) -> dict[str, Any]:
    return {
        "rpm": obd.rpm,
        "engine_load_pct": obd.engine_load_pct,
        "maf_g_s": obd.air_flow_g_s,
        "intake_pressure_kpa": obd.intake_pressure_kpa,
        "intake_temp_c": obd.intake_temperature_c,
        "throttle_pct": obd.throttle_pct,
        "coolant_c": obd.coolant_c,
        "fuel_rate_l_h": obd.fuel_rate_l_h,
        "fuel_level_raw": obd.fuel_level,
    }


def _cell(report: PositionReport) -> dict[str, int] | None:
    cell = report.cell
    return None if cell is None else {"mcc": cell.mcc, "mnc": cell.mnc, "lac": cell.lac, "ci": cell.cell_id}


def _numbers(mask: int | None) -> list[int] | None:
    return None if mask is None else [number for number in range(1, 17) if mask >> (number - 1) & 1]


def _time(moment: datetime | None, precision: str) -> str | None:
    return None if moment is None else moment.isoformat(timespec=precision).replace("+00:00", "Z")


def _luhn(digits: str) -> str:
    doubled = [int(digit) * (2 if at % 2 else 1) for at, digit in enumerate(digits)]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)
