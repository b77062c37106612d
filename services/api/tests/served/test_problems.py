"""Every refusal is a problem document with its own code; no question makes the server fail."""

import base64
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from fastapi import HTTPException

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
EARLIEST = "0001-01-01T00:00:00+23:59"  # not a time in UTC
JSON = {"content-type": "application/json"}
REFUSED: list[tuple[str, str, dict[str, Any], int, str]] = [
    ("GET", "/v1/devices", {"params": {"q": "a\0b"}}, 422, "invalid_request"),
    ("GET", "/v1/devices", {"params": {"q": "x" * 101}}, 422, "invalid_request"),
    ("GET", "/v1/devices", {"params": {"state": "lost"}}, 422, "invalid_request"),
    ("GET", "/v1/positions/latest", {"params": {"devices": "a\0b"}}, 422, "invalid_request"),
    ("GET", "/v1/positions/latest", {"params": {"devices": "," * 1000}}, 422, "too_many_devices"),
    ("GET", "/v1/devices/{device}/positions", {"params": {"from": EARLIEST}}, 422, "invalid_request"),
    ("GET", "/v1/devices/{device}/frames", {"params": {"to": EARLIEST}}, 422, "invalid_request"),
    ("GET", "/v1/devices/{device}/positions", {"params": {"fix_valid": "maybe"}}, 422, "invalid_request"),
    ("GET", "/v1/devices/{device}/positions", {"params": {"kind": "login"}}, 422, "invalid_request"),
    ("GET", "/v1/devices/{device}/positions/latest", {}, 404, "no_position"),
    ("POST", "/v1/devices", {"json": {"device_id": "a b"}}, 422, "invalid_request"),
    ("POST", "/v1/devices", {"json": {"device_id": "1", "name": "a\0b"}}, 422, "invalid_request"),
    ("POST", "/v1/devices", {"json": {"device_id": "1", "name": "  "}}, 422, "invalid_request"),
    ("POST", "/v1/devices", {"json": {"device_id": "1", "also": 1}}, 422, "invalid_request"),
    ("POST", "/v1/devices", {"content": b"{", "headers": JSON}, 422, "invalid_request"),
    ("POST", "/v1/devices", {"content": b'"\xff"', "headers": JSON}, 400, "http_error"),
    ("POST", "/v1/devices", {"content": b'{"device_id":"\\ud800"}', "headers": JSON}, 422, "invalid_request"),
    ("POST", "/v1/devices", {"json": {"name": "x" * 70_000}}, 413, "body_too_large"),
    ("PATCH", "/v1/devices/{device}", {"json": {}}, 422, "invalid_request"),
    ("PATCH", "/v1/devices/none", {"json": {"name": "n"}}, 404, "device_not_found"),
    ("POST", "/v1/devices/{device}/adopt", {"json": {"name": ""}}, 422, "invalid_request"),
    ("POST", "/v1/devices/none/commands", {"json": {"type": "identify"}}, 404, "device_not_found"),
    ("POST", "/v1/devices/{device}/commands", {"json": {"type": "fly\0"}}, 422, "invalid_command_argument"),
    ("POST", "/v1/devices/{device}/commands", {"json": {"type": "restart", "deadline_s": 1e9}}, 422, "deadline_too_long"),
    ("GET", "/v1/devices/none/commands", {}, 404, "device_not_found"),
    ("GET", "/v1/commands", {"params": {"state": "lost"}}, 422, "invalid_request"),
    ("POST", "/v1/commands/00000000-0000-0000-0000-000000000000/cancel", {}, 404, "command_not_found"),
    ("GET", "/nowhere", {}, 404, "not_found"),
    ("PUT", "/v1/devices", {}, 405, "method_not_allowed"),
]  # fmt: skip


def cursor(*key: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(key).encode()).decode().rstrip("=")


def check(answer: httpx.Response, status: int, code: str) -> None:
    """It is the problem that it should be."""
    body = answer.json()

    assert (answer.status_code, body["status"], body["code"]) == (status, status, code), answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    assert body["type"] == f"urn:vt600:problem:{code}"
    assert body["instance"] == answer.request.url.path
    assert body["title"]
    assert body["detail"]


async def test_what_is_asked_wrongly_is_refused_with_a_code(served: "Served", device_id: str) -> None:
    client = await served.client()
    for method, path, asked, status, code in REFUSED:
        check(await client.request(method, path.format(device=device_id), **asked), status, code)
    check(await client.post("/v1/devices", json={"device_id": device_id}), 409, "device_exists")


async def test_a_refusal_names_what_is_wrong(served: "Served", device_id: str) -> None:
    client = await served.client()
    malformed = await client.post("/v1/devices", json={"device_id": "a b", "also": 1})
    impossible = await client.post(f"/v1/devices/{device_id}/commands", json={"type": "set_interval"})
    wrong_method = await client.put("/v1/devices")

    assert {entry["where"] for entry in malformed.json()["errors"]} == {"body.device_id", "body.also"}
    assert [entry["where"] for entry in impossible.json()["errors"]] == ["args.interval_s"]
    assert wrong_method.headers["allow"]


async def test_a_cursor_that_is_none_of_ours_is_refused(served: "Served", device_id: str, add_row: "AddRow") -> None:
    client = await served.client()
    frame_id, noon = "0" * 32, NOON.isoformat()
    for number in range(3):
        row = {"received_at": NOON, "dialect": "ascii", "kind": "position", "fix_valid": False, "late": False}
        await add_row("reports", device_id=device_id, device_time=NOON, frame_id=f"{number:032x}", **row)
    track, commands = f"/v1/devices/{device_id}/positions", f"/v1/devices/{device_id}/commands"
    ours = (await client.get(track, params={"limit": 1})).json()["next_cursor"]
    strange = [
        "",
        "!",
        "é",
        "bnVsbA",
        "NQ",
        "e30",
        cursor(),
        cursor(1),
        cursor(None, None),
        ours[:-3],
        ours[1:],
        ours + ours,
    ]
    for path, foreign in (
        (track, [cursor("1"), cursor(noon, "g" * 32), cursor(noon, "0" * 31), cursor(noon, frame_id, frame_id)]),
        (track, [cursor("2026-05-04T12:00:00", frame_id), cursor(EARLIEST, frame_id), cursor("never", frame_id)]),
        (track, [cursor(noon, "０" * 32), cursor(noon, 1), cursor(5, frame_id), cursor("", frame_id)]),
        (f"/v1/devices/{device_id}/frames", [cursor("1"), cursor(noon, "")]),
        (commands, [cursor("1"), cursor("2026-05-04T12:00:00", "c"), cursor(noon, "\0"), cursor(EARLIEST, "c")]),
        ("/v1/commands", [cursor("1"), cursor("2026-05-04T12:00:00", "c")]),
        ("/v1/devices", [cursor("a\0"), cursor(noon, frame_id), cursor(1)]),
    ):
        for text in strange + foreign:
            check(await client.get(path, params={"cursor": text}), 422, "invalid_cursor")
    check(await client.get(track, params={"cursor": "x" * 501}), 422, "invalid_request")
    assert len((await client.get(track, params={"cursor": ours})).json()["items"]) == 2


async def test_a_body_that_does_not_say_how_long_it_is_is_bounded_too(served: "Served") -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 10_000

    client = await served.client()

    check(await client.post("/v1/devices", content=endless(), headers=JSON), 413, "body_too_large")


async def test_our_own_mistake_is_a_problem_too_and_is_counted(served: "Served") -> None:
    async def fail(kind: str) -> None:
        raise {"mistake": ZeroDivisionError("secret"), "teapot": HTTPException(418, "short")}[kind]

    served.app.add_api_route("/v1/fail/{kind}", fail)
    client = await served.client()
    mistake, teapot = await client.get("/v1/fail/mistake"), await client.get("/v1/fail/teapot")
    async with httpx.AsyncClient() as probes:
        metrics = (await probes.get(f"{served.probes_url}/metrics")).text

    check(mistake, 500, "internal_error")
    check(teapot, 418, "http_error")
    assert "secret" not in mistake.text
    assert 'vt600_api_request_seconds_count{method="GET",route="/v1/fail/{kind}",status="500"} 1.0' in metrics


async def test_requests_are_measured_by_their_route(served: "Served", device_id: str) -> None:
    client = await served.client()
    await client.get(f"/v1/devices/{device_id}")
    await client.get(f"/v1/{device_id}")
    async with httpx.AsyncClient() as probes:
        metrics = (await probes.get(f"{served.probes_url}/metrics")).text

    assert 'count{method="GET",route="/v1/devices/{device_id}",status="200"} 1.0' in metrics
    assert 'count{method="GET",route="unmatched",status="404"} 1.0' in metrics
    assert device_id not in metrics
    assert "vt600_api_pool_used_ratio 0.0" in metrics
    assert "process_resident_memory_bytes" in metrics


async def test_pages_of_everything_hold_each_once_and_as_filtered(
    served: "Served", device_id: str, add_row: "AddRow"
) -> None:
    client = await served.client()
    for number in range(7):
        time, moment = NOON + timedelta(seconds=number // 3), {"frame_id": f"{number:032x}", "dialect": "ascii"}
        seen = {"received_at": time, "kind": "position", "fix_valid": number % 2 == 0, "late": False}
        await add_row("reports", device_id=device_id, device_time=time, **moment, **seen)
        link = {"transport": "tcp", "peer": "p", "listener_id": "l", "session_id": "s", "generation": number}
        await add_row(
            "frames", device_id=device_id, received_at=time, kind="x", code="c", decoder="1", raw=b"", **moment, **link
        )
        asked = {"type": "identify", "at": time, "requested_at": time, "requested_by": "r", "deadline_at": time}
        state = "queued" if number % 2 == 0 else "expired"
        await add_row(
            "commands", command_id=f"{device_id}-{number}", revision=number, device_id=device_id, state=state, **asked
        )

    async def numbers(kind: str, read: str, **query: Any) -> list[int]:
        found: list[int] = []
        while True:
            page = (await client.get(f"/v1/devices/{device_id}/{kind}", params=query)).json()
            found += [int(str(item[read])[-2:], 16) for item in page["items"]]
            if page["next_cursor"] is None:
                return found
            assert len(page["items"]) == query["limit"]
            query["cursor"] = page["next_cursor"]

    second = (NOON + timedelta(seconds=1)).isoformat()
    for limit in (1, 2, 7, 100):
        for kind, read in (("positions", "frame_id"), ("frames", "frame_id")):
            assert await numbers(kind, read, limit=limit) == [6, 5, 4, 3, 2, 1, 0]
            assert await numbers(kind, read, limit=limit, order="asc") == [0, 1, 2, 3, 4, 5, 6]
            assert await numbers(kind, read, limit=limit, order="asc", **{"from": second}) == [3, 4, 5, 6]
            assert await numbers(kind, read, limit=limit, to=second) == [2, 1, 0]
        assert await numbers("positions", "frame_id", limit=limit, fix_valid=True) == [6, 4, 2, 0]
        assert await numbers("positions", "frame_id", limit=limit, fix_valid=False, order="asc") == [1, 3, 5]
        assert await numbers("commands", "revision", limit=limit) == [6, 5, 4, 3, 2, 1, 0]
        assert await numbers("commands", "revision", limit=limit, state="expired") == [5, 3, 1]
        assert await numbers("commands", "revision", limit=limit, state="written") == []
