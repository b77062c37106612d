"""The published frames of docs/protocol/vectors.json and what the store must hold of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_VECTORS = Path(__file__).parents[2] / "docs" / "protocol" / "vectors.json"
ALTITUDE_LIMIT_M = 20_000
_ASCII_REPORTS = {"000", "010"}
_KINDS = {
    "0x5000": "login",
    "0x0002": "server_query",
    "0x9001": "reply",
    "0x9003": "reply",
    "0x9966": "cards",
    "0x9901": "engine",
    "0x9902": "engine_totals",
    "0x9903": "trouble_codes",
    "0x0800": "photo_start",
    "0xAA00": "unknown",
    "129": "reply",
    "800": "reply",
    "710": "serial_data",
}
# the vectors' words for alarms and events → what the journal and the track call them; frames without such a word are plain reports
_EVENTS = {
    "interval": ("position", "interval"),
    "input3_active": ("alarm", "input_active"),
    "driver_card_swipe": ("position", "card_swiped"),
    "card_swipe": ("position", "card_swiped"),
    "power_on": ("alarm", "power_on"),
    "external_power_cut": ("alarm", "power_cut"),
    "stop_moving": ("position", "stopped"),
    "start_moving": ("position", "started_moving"),
    "harsh_braking": ("alarm", "harsh_braking"),
    "0x9016": ("position", "logged"),
}
_REPLY_VALUES = ("serial_number", "imei", "firmware", "sms_phone", "call_phone")
_ENGINE = (
    "battery_v", "rpm", "speed_kmh", "throttle_pct", "engine_load_pct", "coolant_c", "fuel_now", "fuel_mean", "range",
    "odometer", "trip_fuel", "total_fuel", "trouble_codes", "hard_accelerations", "hard_brakings",
)  # fmt: skip
_ENGINE_TOTALS = (
    "ignitions", "driving_time", "idling_time", "hot_start_time", "mean_speed_kmh", "top_speed_kmh", "top_rpm",
    "hard_accelerations", "hard_brakings",
)  # fmt: skip


@dataclass(frozen=True)
class Frame:
    """One frame of one vector: `expected` is the vector's own description of it."""

    name: str
    dialect: str
    raw: bytes
    expected: dict[str, Any]

    @property
    def device_id(self) -> str:
        return str(self.expected["device_id"])

    @property
    def reports(self) -> list["StoredReport"]:
        """The reports that the frame makes: one, several for stored records, none for what is no position."""
        if "records" in self.expected:
            return [StoredReport(_binary_columns(record, record), _time(record)) for record in self.expected["records"]]
        if self.dialect == "ascii":
            is_report = self.expected["command"] in _ASCII_REPORTS
            return [StoredReport(_ascii_columns(self.expected), _time(self.expected))] if is_report else []
        position = self.expected.get("position")
        return [] if position is None else [StoredReport(_binary_columns(self.expected, position), _time(position))]

    @property
    def kind(self) -> str:
        """What a frame that makes no report is in the journal."""
        return _KINDS[self.expected["command"]]

    def details(self) -> dict[str, Any]:
        """What the journal must hold of such a frame, as far as the vector tells."""
        expected = self.expected
        match self.kind:
            case "cards":
                place = {name: expected[name] for name in ("cards", "latitude", "longitude")}
                return place | {"device_time": expected["device_time_utc"]}
            case "trouble_codes":
                return {"codes": expected["text"].split(",")}
            case "engine":
                return dict(zip(_ENGINE, map(float, expected["text"].split(",")), strict=True))
            case "engine_totals":
                return dict(zip(_ENGINE_TOTALS, map(float, expected["text"].split(",")), strict=True))
            case "photo_start":
                return {"photo": expected["photo_index"]}
            case "reply" if "data" in expected:
                return {"text": expected["data"] or ""}
            case "reply":
                return {"values": {name: expected[name] for name in _REPLY_VALUES if name in expected}}
        return {}


@dataclass(frozen=True)
class StoredReport:
    """What a row of the track must hold, for the columns that the vector speaks of."""

    columns: dict[str, Any]
    device_time: datetime


def load_vectors() -> list[dict[str, Any]]:
    """All vectors as they stand in the file."""
    vectors: list[dict[str, Any]] = json.loads(_VECTORS.read_text())["vectors"]
    return vectors


def accepted_uplinks() -> list[Frame]:
    """Every uplink frame of a device that a strict decoder accepts, those inside streams included."""
    return [frame for frame in _all_accepted() if frame.device_id.strip("0")]


def unidentified_uplinks() -> list[Frame]:
    """Frames of units whose identity was never set: all zeros, so there is no device to store them for (SPEC §3.3, §5)."""
    return [frame for frame in _all_accepted() if not frame.device_id.strip("0")]


def refused_uplinks() -> list[Frame]:
    """Every uplink sample that is refused."""
    return [
        Frame(vector["id"], vector["variant"], bytes.fromhex(vector["hex"]), vector["expected"] or {})
        for vector in load_vectors()
        if vector["direction"] == "uplink" and vector["strict_result"].startswith("reject") and not _has_no_crc(vector)
    ]


def _has_no_crc(vector: dict[str, Any]) -> bool:
    """Photo frames may carry `FFFF` instead of a CRC: refused by the vector, accepted by SPEC §3.2."""
    return bool(vector.get("framing", {}).get("checksum_in_frame") == "FFFF")


def _time(position: dict[str, Any]) -> datetime:
    return datetime.fromisoformat(position["device_time_utc"])


def _all_accepted() -> list[Frame]:
    return [frame for vector in load_vectors() if vector["direction"] == "uplink" for frame in _frames(vector)]


def _frames(vector: dict[str, Any]) -> Iterator[Frame]:
    raw = bytes.fromhex(vector["hex"])
    if vector["strict_result"] == "accept" or _has_no_crc(vector):
        yield Frame(vector["id"], vector["variant"], raw, vector["expected"])
    for number, part in enumerate(vector.get("stream_frames", ())):
        piece = raw[part["offset"] : part["offset"] + part["length"]]
        yield Frame(f"{vector['id']}-{number}", vector["variant"], piece, part["expected"])


def _mask(numbers: list[int] | None) -> int | None:
    return None if numbers is None else sum(1 << (number - 1) for number in numbers)


def _cell(cell: dict[str, int] | None) -> dict[str, Any]:
    cell = cell or {"mcc": None, "mnc": None, "lac": None, "ci": None}  # type: ignore[dict-item]
    return {"mcc": cell["mcc"], "mnc": cell["mnc"], "lac": cell["lac"], "cell_id": cell["ci"]}


def _place(source: dict[str, Any]) -> dict[str, Any]:
    names = (
        "latitude",
        "longitude",
        "speed_kmh",
        "course_deg",
        "altitude_m",
        "hdop",
        "satellites",
        "odometer_m",
        "csq",
    )
    place = {name: source[name] for name in names} | {"fix_valid": source["gps_valid"]} | _cell(source["cell"])
    if abs(place["altitude_m"] or 0) > ALTITUDE_LIMIT_M:
        place["altitude_m"] = None  # the vectors show it as sent, SPEC §3.6 says to reject it
    return place


def _meaning(word: str) -> dict[str, Any]:
    kind, event = _EVENTS[word]
    return {"kind": kind, "event": event}


def _binary_columns(expected: dict[str, Any], position: dict[str, Any]) -> dict[str, Any]:
    alarm = expected.get("alarm_code")
    state = position["io_state_hex"]
    word = expected.get("alarm_name") or ("0x9016" if expected.get("command") == "0x9016" else "interval")
    said = _place(position) | _meaning(word)
    return said | {
        "event_code": None if alarm is None else int(alarm, 16),
        "inputs": _mask(position["inputs_active"]),
        "outputs": _mask(position["outputs_on"]),
        "status": None if state is None else int(state, 16),
        "external_v": position.get("inferred_external_v"),
        "battery_v": position.get("inferred_battery_v"),
    }


def _ascii_columns(expected: dict[str, Any]) -> dict[str, Any]:
    said = _place(expected) | _meaning(expected["event_name"])
    return said | {
        "event_code": expected["event_code"],
        "event_data": expected["event_data"],
        "inputs": _mask(expected["inputs_active"]),
        "outputs": _mask(expected["outputs_on"]),
        "status": int(expected["system_status_hex"], 16),
        "external_v": expected["external_v"],
        "battery_v": expected["battery_v"],
    }
