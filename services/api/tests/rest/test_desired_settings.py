"""Desired settings as they are asked for over REST."""

from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

if TYPE_CHECKING:
    from rest.conftest import MakeClient

pytestmark = pytest.mark.servers

PATH = "/v1/devices/{}/desired-settings"
ONE, TWO, THREE = (PATH.format(number) for number in (1, 2, 3))
SERVER = {"transport": "tcp", "host": "gps.example", "port": 8888}


@pytest.fixture(autouse=True)
async def devices(database: asyncpg.Connection) -> None:
    await database.execute("INSERT INTO fleet.devices (device_id, dialect) VALUES ('1', 'binary'), ('2', NULL)")


async def put(client: httpx.AsyncClient, path: str = ONE, **settings: Any) -> dict[str, dict[str, Any]]:
    answer = await client.put(path, json=settings)
    assert answer.status_code == 200, answer.text
    return {item["setting"]: item for item in answer.json()["items"]}


async def test_what_is_wanted_is_shown_and_replaced(admin: httpx.AsyncClient) -> None:
    first = await put(admin, report_interval_s=60, heartbeat_min=5)
    second = await put(admin, report_interval_s=60, heartbeat_min=6, log_interval_s=None)
    await put(admin, heartbeat_min=6)
    left = (await admin.get(ONE)).json()

    assert {name: (item["value"], item["state"], item["reason"]) for name, item in first.items()} == {
        "report_interval_s": (60, "pending", "offline"),
        "heartbeat_min": (5, "pending", "offline"),
    }
    assert second["report_interval_s"] == first["report_interval_s"]
    assert second["heartbeat_min"]["changed_at"] > first["heartbeat_min"]["changed_at"]
    assert left == {"device_id": "1", "items": [second["heartbeat_min"]]}


async def test_what_the_dialect_cannot_say_is_known_at_once_and_what_is_unknown_waits(admin: httpx.AsyncClient) -> None:
    known = await put(admin, report_interval_s=15, low_speed_kmh=5, speed_limit_kmh=120)
    unknown = await put(admin, TWO, low_speed_kmh=5)

    assert {name: item["state"] for name, item in known.items()} == {
        "report_interval_s": "not_supported",
        "low_speed_kmh": "not_supported",
        "speed_limit_kmh": "pending",
    }
    assert known["report_interval_s"]["reason"] == "interval_s is a multiple of 10 in the binary dialect"
    assert (unknown["low_speed_kmh"]["state"], unknown["low_speed_kmh"]["reason"]) == ("pending", "dialect_unknown")


async def test_one_is_taken_out_once(admin: httpx.AsyncClient) -> None:
    await put(admin, heartbeat_min=5, log_interval_s=9)
    answers = [await admin.delete(f"{ONE}/heartbeat_min") for _ in range(2)]
    left = (await admin.get(ONE)).json()["items"]

    assert [answer.status_code for answer in answers] == [204, 404]
    assert answers[1].json()["code"] == "setting_not_found"
    assert [item["setting"] for item in left] == ["log_interval_s"]


@pytest.mark.parametrize(
    "settings",
    [
        {"colour": "red"},
        {"heartbeat_min": -1},
        {"heartbeat_min": 65_536},
        {"speed_limit_kmh": "fast"},
        {"server": {**SERVER, "host": "two words"}},
        {"server": {"host": "gps.example"}},
        {"apn": {"name": "with,comma"}},
        {"apn": {"name": "a\u0000b"}},
        {"apn": {"name": "ümlaut"}},
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    admin: httpx.AsyncClient, database: asyncpg.Connection, settings: dict[str, Any]
) -> None:
    answer = await admin.put(ONE, json={"log_interval_s": 9} | settings)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request"), answer.text
    assert next(iter(settings)) in answer.json()["errors"][0]["where"]
    assert await database.fetchval("SELECT count(*) FROM fleet.desired_settings") == 0


async def test_a_device_that_nobody_knows_has_none(admin: httpx.AsyncClient) -> None:
    answers = [await admin.get(THREE), await admin.put(THREE, json={}), await admin.delete(f"{THREE}/apn")]

    assert [(answer.status_code, answer.json()["code"]) for answer in answers] == [(404, "device_not_found")] * 3


async def test_what_can_lose_the_device_needs_its_scope_when_it_changes(
    admin: httpx.AsyncClient, make_client: "MakeClient"
) -> None:
    plain = await make_client("send:commands")
    connection: dict[str, Any] = {"server": SERVER, "apn": {"name": "internet"}}
    refused = [
        await plain.put(path, json=body)
        for path, body in ((ONE, connection), (TWO, {"server": SERVER}), (TWO, {"apn": {"name": "x"}}))
    ]
    await put(admin, **connection)
    unchanged = await plain.put(ONE, json=connection | {"heartbeat_min": 5})
    changed = await plain.put(ONE, json=connection | {"apn": {"name": "other"}})

    assert [answer.status_code for answer in refused] == [403] * 3
    assert (unchanged.status_code, changed.status_code) == (200, 403)
