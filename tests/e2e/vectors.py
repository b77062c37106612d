"""The published frames of docs/protocol/vectors.json and what the store must hold of each."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

_VECTORS = Path(__file__).parents[2] / "docs" / "protocol" / "vectors.json"
ALTITUDE_LIMIT_M = 20_000
_REPORT_COMMANDS = {"0x9955", "0x9999", "000", "010"}


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
    def is_report(self) -> bool:
        return self.expected["command"] in _REPORT_COMMANDS

    @property
    def device_time(self) -> datetime:
        return datetime.fromisoformat(self.position["device_time_utc"])

    @property
    def position(self) -> dict[str, Any]:
        """The description of the place; the binary vectors nest it, the ASCII ones do not."""
        nested: dict[str, Any] = self.expected.get("position", self.expected)
        return nested

    def columns(self) -> dict[str, Any]:
        """What the report's row must hold, for the columns that the vector speaks of."""
        return (
            _binary_columns(self.expected, self.position) if self.dialect == "binary" else _ascii_columns(self.expected)
        )


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
    """Every uplink sample that a strict decoder refuses. The photo frames' CRC `FFFF` is accepted by SPEC §3.2."""
    return [
        Frame(vector["id"], vector["variant"], bytes.fromhex(vector["hex"]), vector["expected"] or {})
        for vector in load_vectors()
        if vector["direction"] == "uplink"
        and vector["strict_result"].startswith("reject")
        and vector["framing"]["checksum_in_frame"] != "FFFF"
    ]


def _all_accepted() -> list[Frame]:
    return [frame for vector in load_vectors() if vector["direction"] == "uplink" for frame in _frames(vector)]


def _frames(vector: dict[str, Any]) -> Iterator[Frame]:
    raw = bytes.fromhex(vector["hex"])
    if vector["strict_result"] == "accept":
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


def _binary_columns(expected: dict[str, Any], position: dict[str, Any]) -> dict[str, Any]:
    alarm = expected.get("alarm_code")
    state = position["io_state_hex"]
    return _place(position) | {
        "event_code": None if alarm is None else int(alarm, 16),
        "inputs": _mask(position["inputs_active"]),
        "outputs": _mask(position["outputs_on"]),
        "status": None if state is None else int(state, 16),
        "external_v": position.get("inferred_external_v"),
        "battery_v": position.get("inferred_battery_v"),
    }


def _ascii_columns(expected: dict[str, Any]) -> dict[str, Any]:
    return _place(expected) | {
        "event_code": expected["event_code"],
        "event_data": expected["event_data"],
        "inputs": _mask(expected["inputs_active"]),
        "outputs": _mask(expected["outputs_on"]),
        "status": int(expected["system_status_hex"], 16),
        "external_v": expected["external_v"],
        "battery_v": expected["battery_v"],
    }
