"""Every answer is exactly what its response model says, whether a value is there or not."""

import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import APIRoute, iter_route_contexts
from pydantic import TypeAdapter

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, 0, 120_000, tzinfo=UTC)
LEAST = {"received_at": NOON, "dialect": "binary", "kind": "position", "fix_valid": False, "late": True}
MEASURED = {
    "received_at": NOON + timedelta(seconds=1), "dialect": "ascii", "kind": "alarm", "event": "sos", "event_code": 1,
    "event_data": "2", "fix_valid": True, "latitude": -22.5, "longitude": 114.0, "speed_kmh": 40.25, "course_deg": 0.0,
    "altitude_m": -3.0, "hdop": 1.1, "satellites": 9, "odometer_m": 2**40, "mcc": 460, "mnc": 0, "lac": 9520,
    "cell_id": 2**32 - 1, "csq": 31, "inputs": 3, "outputs": 1, "status": 5, "external_power": True, "external_v": 12.6,
    "battery_v": 4.0, "analog_raw": [0, 1, 1023], "stored": False, "ignition": True, "late": False, "flags": ["a", "b"],
    "extras": '{"fuel": [{"tank": 1, "litres": 2.5}], "driver_text": "é"}',
}  # fmt: skip
FRAME = {
    "dialect": "ascii", "transport": "udp", "peer": "[2001:db8::1]:7", "listener_id": "l", "session_id": "s",
    "generation": 2**53, "kind": "alarm", "code": "AAA", "decoder": "1", "raw": b"\x00\xff$$",
}  # fmt: skip
COMMAND = {
    "type": "set_output", "args": '{"output": 2, "on": true}', "at": NOON, "requested_at": NOON, "requested_by": "é",
    "deadline_at": NOON,
}  # fmt: skip


def model_of(served: "Served", method: str, path: str) -> TypeAdapter[Any]:
    """What the route says that it answers."""
    for context in iter_route_contexts(served.app.routes):
        route = context.original_route
        if isinstance(route, APIRoute) and route.path == path and method in (route.methods or ()):
            return TypeAdapter(route.response_model)
    raise LookupError(path)


@pytest.fixture
async def filled(device_id: str, add_row: "AddRow") -> dict[str, str]:
    """Two devices with something of everything, the second with as little as can be; words for the paths."""
    bare, full, least = f"{device_id}x", str(uuid.uuid4()), str(uuid.uuid4())
    known = {"name": "van", "state": "active", "dialect": "ascii", "imei": "1" * 15}
    times = {"adopted_at": NOON, "first_seen_at": NOON, "last_seen_at": NOON}
    await add_row("devices", device_id=bare, **known, **times)
    for number, (device, values) in enumerate(((device_id, MEASURED), (bare, LEAST))):
        place: dict[str, Any] = {"device_id": device, "device_time": NOON, "frame_id": f"{number:032x}", **values}
        await add_row("reports", **place)
        await add_row("latest_positions", fix_time=NOON if number == 0 else None, **place)
        moment = {"device_id": device, "received_at": NOON, "frame_id": f"{number:032x}"}
        await add_row("frames", packet_no=":" if number == 0 else None, **moment, **FRAME)
    ended = {"attempt": 1, "reason": "r", "listener_id": "l", "session_id": "s"}
    said = {"written": b"\x00", "reply": b"\xff", "reply_text": "é"}
    await add_row(
        "commands", command_id=full, revision=4, device_id=device_id, state="failed", **COMMAND, **ended, **said
    )
    await add_row("commands", command_id=least, revision=0, device_id=bare, state="queued", **COMMAND)
    await add_row("command_transitions", command_id=full, revision=4, state="failed", at=NOON, **ended)
    await add_row("command_transitions", command_id=least, revision=0, state="queued", at=NOON, attempt=0)
    return {"full": device_id, "bare": bare, "full_command": full, "bare_command": least}


@pytest.mark.parametrize("which", ["full", "bare"])
async def test_what_is_read_is_what_its_model_says(served: "Served", filled: dict[str, str], which: str) -> None:
    client = await served.client()
    device, command = filled[which], filled[f"{which}_command"]
    for path in (
        "/v1/devices",
        "/v1/devices/{device_id}",
        "/v1/positions/latest",
        "/v1/devices/{device_id}/positions/latest",
        "/v1/devices/{device_id}/positions",
        "/v1/devices/{device_id}/frames",
        "/v1/devices/{device_id}/commands",
        "/v1/commands",
        "/v1/commands/{command_id}",
    ):
        answer = await client.get(path.format(device_id=device, command_id=command))
        model = model_of(served, "GET", path)

        assert answer.status_code == 200, answer.text
        assert model.dump_python(model.validate_json(answer.text, extra="forbid"), mode="json") == answer.json(), path
        assert answer.json().get("items") != []


async def test_what_is_worked_out_is_what_its_model_says(served: "Served", filled: dict[str, str]) -> None:
    client = await served.client()
    span = {"from": "2026-05-04T00:00:00Z", "to": "2026-05-05T00:00:00Z"}
    ring = [[113, -23], [115, -23], [115, -22], [113, -22], [113, -23]]
    area = {**span, "devices": [filled["full"]], "polygon": {"type": "Polygon", "coordinates": [ring]}}
    for method, path, asked in (
        ("GET", "/v1/alarms", {"params": {"devices": filled["full"]}}),
        ("GET", "/v1/devices/{device_id}/alarms", {}),
        ("GET", "/v1/devices/{device_id}/positions/buckets", {"params": {**span, "every": "1h"}}),
        ("GET", "/v1/devices/{device_id}/track", {"params": span}),
        ("GET", "/v1/devices/{device_id}/gaps", {"params": {**span, "longer_than": "1s"}}),
        ("POST", "/v1/positions/area", {"json": area}),
    ):
        answer = await client.request(method, path.format(device_id=filled["full"]), **asked)
        model = model_of(served, method, path)

        assert answer.status_code == 200, answer.text
        assert model.dump_python(model.validate_json(answer.text, extra="forbid"), mode="json") == answer.json(), path
        assert answer.json().get("items") != []


async def test_what_is_changed_is_answered_as_its_model_says(served: "Served", filled: dict[str, str]) -> None:
    client = await served.client()
    for method, path, body, status in (
        ("POST", "/v1/devices", {"device_id": f"{filled['full']}y"}, 201),
        ("PATCH", "/v1/devices/{device_id}", {"name": "bus"}, 200),
        ("POST", "/v1/devices/{device_id}/adopt", None, 200),
        ("POST", "/v1/devices/{device_id}/commands", {"type": "identify"}, 202),
        ("POST", "/v1/commands/{command_id}/cancel", None, 202),
    ):
        address = path.format(device_id=filled["full"], command_id=filled["bare_command"])
        answer = await client.request(method, address, json=body)
        model = model_of(served, method, path)

        assert answer.status_code == status, answer.text
        assert model.dump_python(model.validate_json(answer.text, extra="forbid"), mode="json") == answer.json(), path


async def test_values_come_back_as_they_were_stored(served: "Served", filled: dict[str, str]) -> None:
    client = await served.client()
    position = (await client.get(f"/v1/devices/{filled['full']}/positions/latest")).json()
    frame = (await client.get(f"/v1/devices/{filled['full']}/frames")).json()["items"][0]
    command = (await client.get(f"/v1/commands/{filled['full_command']}")).json()
    bare = (await client.get(f"/v1/devices/{filled['bare']}/positions/latest")).json()
    written = {name: value for name, value in MEASURED.items() if name not in ("received_at", "extras")}

    assert {name: position[name] for name in written} == written
    assert position["extras"] == json.loads(str(MEASURED["extras"]))
    assert (position["device_time"], position["state"], position["name"]) == (
        "2026-05-04T12:00:00.120000Z",
        "pending",
        None,
    )
    assert (frame["raw"], frame["peer"], frame["generation"]) == ("00ff2424", "[2001:db8::1]:7", 2**53)
    assert (command["written_hex"], command["reply_hex"], command["reply_text"]) == ("00", "ff", "é")
    assert [change["reason"] for change in command["transitions"]] == ["r"]
    assert (bare["latitude"], bare["fix_time"], bare["name"], bare["analog_raw"]) == (None, None, "van", [])


async def test_the_newest_of_all_can_be_narrowed(served: "Served", filled: dict[str, str]) -> None:
    client = await served.client()
    both = {filled["full"], filled["bare"]}

    async def shown(**query: str) -> set[str]:
        answer = await client.get("/v1/positions/latest", params=query)
        return {item["device_id"] for item in answer.json()["items"]}

    assert both <= await shown()
    assert await shown(devices=f"{filled['bare']},unknown") == {filled["bare"]}
    assert await shown(devices=",".join(both)) == both
    assert await shown(devices=",".join(both), state="active") == {filled["bare"]}
    assert await shown(devices=",".join(both), state="pending") == {filled["full"]}
