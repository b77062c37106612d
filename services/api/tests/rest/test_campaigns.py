"""Campaigns as they are asked for over REST."""

from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

if TYPE_CHECKING:
    from rest.conftest import MakeClient

pytestmark = pytest.mark.servers

PATH = "/v1/campaigns"
IDENTIFY = {"type": "identify"}
CUT = {"type": "set_immobiliser", "args": {"engaged": True}}


@pytest.fixture(autouse=True)
async def devices(database: asyncpg.Connection) -> None:
    await database.execute(
        "INSERT INTO fleet.devices (device_id, name, state)"
        " SELECT to_char(n, 'FM00'), 'van ' || n, 'active' FROM generate_series(1, 12) n"
        " UNION ALL SELECT '99', 'van 99', 'pending'"
    )


async def begin(client: httpx.AsyncClient, **body: Any) -> str:
    answer = await client.post(PATH, json={"command": IDENTIFY, "filter": {}} | body)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"device_ids": ["01"]}, "invalid_request"),
        ({"filter": None}, "invalid_request"),
        ({"filter": {"q": "nobody"}}, "no_devices"),
        ({"filter": None, "device_ids": ["01", "77"]}, "unknown_devices"),
        ({"command": {"type": "raw", "args": {"hex": "00"}}}, "invalid_command_argument"),
        ({"command": {"type": "fly"}}, "invalid_command_argument"),
        ({"command": {**CUT, "override_reason": "because"}}, "invalid_request"),
        ({"command": CUT, "per_minute": 61}, "rate_too_high"),
        ({"hours": {"since": "08:00", "until": "08:00"}}, "invalid_request"),
        ({"max_failed_share": 1.1}, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    admin: httpx.AsyncClient, database: asyncpg.Connection, body: dict[str, Any], code: str
) -> None:
    answer = await admin.post(PATH, json={"command": IDENTIFY, "filter": {}} | body)

    assert (answer.status_code, answer.json()["code"]) == (422, code), answer.text
    assert await database.fetchval("SELECT count(*) FROM fleet.campaigns") == 0


@pytest.mark.parametrize("command", [CUT, {"type": "restart"}])
async def test_what_acts_on_vehicles_needs_its_scope_to_begin_and_to_go_on(
    admin: httpx.AsyncClient, make_client: "MakeClient", command: dict[str, Any]
) -> None:
    plain = await make_client("send:commands")
    body = {"command": command, "filter": {}}
    refused = await plain.post(PATH, json=body)
    path = (await admin.post(PATH, json=body)).headers["location"]
    paused = await plain.post(f"{path}/pause")
    resumed = await plain.post(f"{path}/resume")

    assert (refused.status_code, paused.status_code, resumed.status_code) == (403, 200, 403)


async def test_the_same_key_and_body_are_the_same_campaign(
    admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    body = {"command": IDENTIFY, "filter": {}, "hours": {"since": "08:00", "until": "17:00"}}
    first, again = [await admin.post(PATH, json=body, headers={"Idempotency-Key": "c"}) for _ in range(2)]
    other = await admin.post(PATH, json=body | {"max_open": 1}, headers={"Idempotency-Key": "c"})

    assert (first.status_code, again.status_code, other.status_code) == (202, 200, 422)
    assert again.json() == first.json()
    assert await database.fetchval("SELECT count(*) FROM fleet.campaigns") == 1


async def test_campaigns_and_their_devices_come_in_pages(admin: httpx.AsyncClient) -> None:
    paths = [await begin(admin) for _ in range(3)]
    first = (await admin.get(PATH, params={"limit": 2})).json()
    second = (await admin.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})).json()
    found: list[str] = []
    cursor: str | None = ""
    while cursor is not None:
        page = (
            await admin.get(f"{paths[0]}/devices", params={"limit": 5, **({"cursor": cursor} if cursor else {})})
        ).json()
        found += [item["device_id"] for item in page["items"]]
        cursor = page["next_cursor"]

    assert [f"{PATH}/{item['campaign_id']}" for item in first["items"] + second["items"]] == paths[::-1]
    assert found == [f"{number:02}" for number in range(1, 13)]
