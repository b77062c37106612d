"""Devices, tracks and pages."""

import base64
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest

from vt600_api.positions.schemas import Position

if TYPE_CHECKING:
    from rest.conftest import AddReport

pytestmark = pytest.mark.servers


async def pages(client: httpx.AsyncClient, path: str, **query: str | int) -> list[dict[str, object]]:
    """All pages, one after the other."""
    found: list[dict[str, object]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        cursor = {"cursor": page["next_cursor"]}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
async def test_pages_hold_every_report_once_also_within_one_moment(
    admin: httpx.AsyncClient, add_report: "AddReport", order: str, limit: int
) -> None:
    for number in range(7):
        await add_report(number, seconds=number // 3)
    found = await pages(admin, "/v1/devices/1/positions", order=order, limit=limit)
    numbers = [int(str(item["frame_id"]), 16) for item in found]

    assert numbers == (list(range(7)) if order == "asc" else list(range(6, -1, -1)))


async def test_a_position_is_what_its_schema_says(admin: httpx.AsyncClient, add_report: "AddReport") -> None:
    await add_report(1)
    item = (await admin.get("/v1/devices/1/positions")).json()["items"][0]

    assert set(item) == set(Position.model_fields)
    assert Position.model_validate(item).latitude is None
    assert item["device_time"] == "2026-05-04T12:00:00Z"


async def test_a_track_is_filtered(admin: httpx.AsyncClient, add_report: "AddReport") -> None:
    await add_report(0, seconds=0)
    await add_report(1, seconds=1, kind="alarm")
    await add_report(2, seconds=2, late=True)

    async def numbers(**query: str) -> list[int]:
        found = await pages(admin, "/v1/devices/1/positions", order="asc", **query)
        return [int(str(item["frame_id"]), 16) for item in found]

    assert await numbers(kind="alarm") == [1]
    assert await numbers(late="true") == [2]
    assert await numbers(late="false") == [0, 1]
    assert await numbers(**{"from": "2026-05-04T12:00:01Z", "to": "2026-05-04T12:00:02Z"}) == [1]
    assert await numbers(**{"from": "2026-05-04T14:00:01+02:00"}) == [1, 2]


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ({"cursor": "nonsense"}, "invalid_cursor"),
        ({"cursor": "!!!"}, "invalid_cursor"),
        ({"cursor": base64.urlsafe_b64encode(b'["2026-05-04T12:00:00Z","zz"]').decode()}, "invalid_cursor"),
        (
            {"cursor": base64.urlsafe_b64encode(b'["never","00000000000000000000000000000000"]').decode()},
            "invalid_cursor",
        ),
        ({"from": "2026-05-04T12:00:00Z", "to": "2026-05-04T12:00:00Z"}, "invalid_span"),
        ({"from": "2026-05-04T12:00:00"}, "invalid_request"),
        ({"limit": "0"}, "invalid_request"),
        ({"limit": "1001"}, "invalid_request"),
        ({"order": "random"}, "invalid_request"),
    ],
)
async def test_a_bad_question_is_a_problem_with_a_code(
    admin: httpx.AsyncClient, add_report: "AddReport", query: dict[str, str], code: str
) -> None:
    await add_report(1)
    answer = await admin.get("/v1/devices/1/positions", params=query)

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/v1/devices/404", 404, "device_not_found"),
        ("GET", "/v1/devices/404/positions", 404, "device_not_found"),
        ("GET", "/v1/devices/404/positions/latest", 404, "device_not_found"),
        ("POST", "/v1/devices/404/adopt", 404, "device_not_found"),
        ("GET", "/v1/commands/00000000-0000-0000-0000-000000000000", 404, "command_not_found"),
        ("GET", "/v1/commands/nonsense", 422, "invalid_request"),
        ("GET", "/v1/devices/a%20b", 422, "invalid_request"),
        ("GET", "/v1/nothing", 404, "not_found"),
        ("DELETE", "/v1/devices", 405, "method_not_allowed"),
    ],
)
async def test_what_is_not_there_is_a_problem(
    admin: httpx.AsyncClient, method: str, path: str, status: int, code: str
) -> None:
    answer = await admin.request(method, path)

    assert (answer.status_code, answer.json()["code"]) == (status, code)


async def test_devices_are_registered_renamed_listed_and_adopted(
    admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    created = await admin.post("/v1/devices", json={"device_id": "22", "name": " van "})
    twice = await admin.post("/v1/devices", json={"device_id": "22"})
    await database.execute("INSERT INTO fleet.devices (device_id) VALUES ('11'), ('33')")
    renamed = await admin.patch("/v1/devices/22", json={"name": None})
    adopted = await admin.post("/v1/devices/33/adopt", json={"name": "bus"})

    assert (created.status_code, created.json()["name"], created.headers["location"]) == (201, "van", "/v1/devices/22")
    assert (twice.status_code, twice.json()["code"]) == (409, "device_exists")
    assert renamed.json()["name"] is None
    assert (adopted.json()["state"], adopted.json()["name"]) == ("active", "bus")
    assert [item["device_id"] for item in await pages(admin, "/v1/devices", limit=1)] == ["11", "22", "33"]
    assert [item["device_id"] for item in await pages(admin, "/v1/devices", state="pending")] == ["11"]
    assert [item["device_id"] for item in await pages(admin, "/v1/devices", q="BU")] == ["33"]


async def test_devices_of_a_group_are_found(admin: httpx.AsyncClient) -> None:
    for device_id, group in (("1", "depot north"), ("2", " depot north "), ("3", None)):
        await admin.post("/v1/devices", json={"device_id": device_id, "group": group})
    both = await pages(admin, "/v1/devices", limit=1, group="depot north")
    await admin.patch("/v1/devices/1", json={"group": None})
    left = await pages(admin, "/v1/devices", group="depot north")
    named = await admin.patch("/v1/devices/2", json={"name": "van"})

    assert [item["device_id"] for item in both] == ["1", "2"]
    assert [item["device_id"] for item in left] == ["2"]
    assert (named.json()["name"], named.json()["group"]) == ("van", "depot north")


async def test_a_device_that_never_reported_has_no_latest_position(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/devices", json={"device_id": "22"})
    one = await admin.get("/v1/devices/22/positions/latest")
    everybody = await admin.get("/v1/positions/latest")

    assert (one.status_code, one.json()["code"]) == (404, "no_position")
    assert everybody.json() == {"items": []}


async def test_a_frame_is_shown_in_hex_and_as_it_was_read(
    admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    await database.execute("INSERT INTO fleet.devices (device_id) VALUES ('1')")
    await database.execute(
        "INSERT INTO fleet.frames (device_id, received_at, frame_id, dialect, transport, peer, listener_id, session_id,"
        " generation, kind, code, decoder, raw, details) VALUES"
        " ('1', '2026-05-04T12:00:00Z', $1, 'binary', 'tcp', '127.0.0.1:1', 'l', 's', 1, 'login', '5000', '1', $3, NULL),"
        " ('1', '2026-05-04T12:00:01Z', $2, 'binary', 'tcp', '127.0.0.1:1', 'l', 's', 1, 'photo_start', '0800', '1', $3, $4)",
        f"{1:032x}",
        f"{2:032x}",
        b"$$\x00\x11",
        '{"photo": 2}',
    )
    photo, login = (await admin.get("/v1/devices/1/frames")).json()["items"]

    assert (login["raw"], login["kind"], login["details"]) == ("24240011", "login", None)
    assert (photo["raw"], photo["kind"], photo["details"]) == ("24240011", "photo_start", {"photo": 2})
