"""Every published frame is decoded in every field, or refused, as its vector says."""

import math
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vt600_protocol import (
    CommandFrame,
    CommandReply,
    Login,
    LoginReply,
    Message,
    PositionReport,
    Unknown,
    encode_login_reply,
)

if TYPE_CHECKING:
    from conftest import Feed, Vector

_NO_CRC = b"\xff\xff"
_ALTITUDE_LIMIT_M = 20_000


def test_a_vector_is_accepted_or_refused_as_it_says(vector: "Vector", feed: "Feed") -> None:
    messages, errors, _ = feed(vector.role, [vector.raw])
    if vector.strict_result.startswith("reject") and vector.raw[-4:-2] != _NO_CRC:  # SPEC §3.2 accepts photos without
        assert messages == []
        assert len(errors) == 1
    elif any(not frame["device_id"].strip("0") for frame in vector.expected):  # SPEC §3.3, §5: an identity never set
        assert messages == []
        assert [error.reason for error in errors] == ["content"]
    else:
        assert len(messages) == max(1, len(vector.expected))
        assert errors == []


def test_a_vector_reads_the_same_byte_by_byte(vector: "Vector", feed: "Feed") -> None:
    whole = feed(vector.role, [vector.raw])
    bytewise = feed(vector.role, [vector.raw[at : at + 1] for at in range(len(vector.raw))])

    assert bytewise[0] == whole[0]
    assert [str(error) for error in bytewise[1]] == [str(error) for error in whole[1]]
    assert bytewise[2] == whole[2]


def test_a_vector_s_fields_are_as_described(vector: "Vector", feed: "Feed") -> None:
    messages, _, _ = feed(vector.role, [vector.raw])
    for message, expected in zip(messages, vector.expected, strict=False):
        assert message.device_id == expected["device_id"]
        assert message.code == expected["command"].removeprefix("0x")
        assert message.packet_no == expected.get("packet_no")
        differences = {
            name: (found, wanted)
            for name, (found, wanted) in _pairs(message, expected).items()
            if not _same(found, wanted)
        }
        assert differences == {}


def _same(found: object, wanted: object) -> bool:
    if isinstance(found, float) and isinstance(wanted, int | float):
        return math.isclose(found, wanted, abs_tol=0.001)
    return found == wanted


def _pairs(message: Message, expected: dict[str, Any]) -> dict[str, tuple[object, object]]:
    """Field → what was decoded, what the vector says; for the fields that both have."""
    match message:
        case PositionReport(dialect="binary"):
            return _binary_pairs(message, expected["position"], expected.get("alarm_code"))
        case PositionReport():
            return _ascii_pairs(message, expected)
        case Login():
            reply = encode_login_reply(message, accepted=True).hex().upper()
            return {"reply": (reply, expected.get("server_reply_hex", reply))}
        case LoginReply(accepted=accepted):
            return {"accepted": (accepted, expected["args"]["accepted"])}
        case CommandReply(text=text) if "serial_number" in expected:
            return {"text": (text, ",".join(expected[name] for name in ("serial_number", "imei", "firmware")))}
        case CommandReply(dialect="ascii", text=text):
            return {"text": (text, expected["data"] or "")}
        case CommandFrame(dialect="ascii", content=content):
            return {"content": (content.decode(), expected["data"] or "")}
        case Unknown(content=content) if "data_hex" in expected:
            return {"content": (content.hex().upper(), expected["data_hex"])}
    return {}


def _mask(numbers: list[int] | None) -> int | None:
    return None if numbers is None else sum(1 << (number - 1) for number in numbers)


def _place_pairs(report: PositionReport, expected: dict[str, Any]) -> dict[str, tuple[object, object]]:
    cell = expected["cell"]
    altitude = expected["altitude_m"]
    if altitude is not None and abs(altitude) > _ALTITUDE_LIMIT_M:
        altitude = None  # the vector shows it as sent, SPEC §3.6 says to reject it
    names = ("latitude", "longitude", "speed_kmh", "course_deg", "hdop", "satellites", "odometer_m", "csq")
    time = None if report.device_time is None else report.device_time.timestamp()
    return {name: (getattr(report, name), expected[name]) for name in names} | {
        "altitude_m": (report.altitude_m, altitude),
        "fix_valid": (report.fix_valid, expected["gps_valid"]),
        "device_time": (time, _timestamp(expected["device_time_utc"])),
        "cell": (
            None if report.cell is None else (report.cell.mcc, report.cell.mnc, report.cell.lac, report.cell.cell_id),
            None if cell is None else (cell["mcc"], cell["mnc"], cell["lac"], cell["ci"]),
        ),
        "inputs": (report.inputs, _mask(expected["inputs_active"])),
        "outputs": (report.outputs, _mask(expected["outputs_on"])),
    }


def _timestamp(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _binary_pairs(
    report: PositionReport, expected: dict[str, Any], alarm: str | None
) -> dict[str, tuple[object, object]]:
    state = expected["io_state_hex"]
    tail = [text for text in expected.get("unparsed_tail") or () if text]
    return _place_pairs(report, expected) | {
        "event_code": (report.event_code, None if alarm is None else int(alarm, 16)),
        "status": (report.status, None if state is None else int(state, 16)),
        "analog_raw": (list(report.analog_raw), expected["ad_raw"] or []),
        "driver_text": (report.driver_text, expected["driver_text"]),
        "unparsed": (
            [text for text in report.unparsed if not text.startswith("hex:")][-len(tail) :] if tail else [],
            tail,
        ),
    }


def _ascii_pairs(report: PositionReport, expected: dict[str, Any]) -> dict[str, tuple[object, object]]:
    obd = expected["obd"]
    volts = [round(value * 100) for value in (expected["external_v"], expected["battery_v"], *expected["ad_v"])]
    pairs: dict[str, tuple[object, object]] = {
        "event_code": (report.event_code, expected["event_code"]),
        "event_data": (report.event_data, expected["event_data"]),
        "status": (report.status, int(expected["system_status_hex"], 16)),
        "stored": (report.stored, not expected["system_flags"]["server1_connected"]),
        "external_power": (report.external_power, expected["system_flags"]["external_power"]),
        "external_v": (report.external_v, expected["external_v"]),
        "battery_v": (report.battery_v, expected["battery_v"]),
        "analog_raw": (list(report.analog_raw), volts),
        "pro_code": (report.pro_code, expected["pro_code"]),
        "fuel": (
            [(level.tank, level.litres) for level in report.fuel],
            [(x["tank"], x["litres"]) for x in expected["fuel_l"] or ()],
        ),
        "unparsed": (list(report.unparsed), expected["extra_fields"] or []),
    }
    if obd is not None and report.obd is not None:
        wanted = (obd["rpm"], obd["engine_load_pct"], obd["coolant_c"], obd["intake_temp_c"], obd["fuel_rate_l_h"])
        found = report.obd
        pairs["obd"] = (
            (found.rpm, found.engine_load_pct, found.coolant_c, found.intake_temperature_c, found.fuel_rate_l_h),
            wanted,
        )
    return _place_pairs(report, expected) | pairs
