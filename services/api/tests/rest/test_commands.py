"""Asking a device to do something."""

import asyncio
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
import structlog
from pydantic import SecretStr

from vt600_api.app import create_app
from vt600_api.settings import ApiSettings
from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS

if TYPE_CHECKING:
    from rest.conftest import Drives, MakeClient

pytestmark = pytest.mark.servers

PATH = "/v1/devices/1/commands"


@pytest.fixture(autouse=True)
async def device(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/devices", json={"device_id": "1"})


async def requested(kafka: KafkaSettings, command_id: str) -> list[CommandRequest]:
    """What the commander gets to read of a command."""
    found: list[CommandRequest] = []
    async with Follower(kafka, [COMMAND_REQUESTS], client_id="api-test", start="beginning") as follower:
        while not found:
            records = [decode(CommandRequest, delivery.value) for delivery in await follower.next_batch()]
            found = [record for record in records if record.command_id == command_id]
    return found


async def test_a_command_is_stored_as_queued_and_requested(
    admin: httpx.AsyncClient, kafka_settings: KafkaSettings
) -> None:
    body = {"type": "set_output", "args": {"output": 2, "on": True}, "queue": "never"}
    answer = await admin.post(PATH, json=body)
    command = answer.json()
    (request, *_) = await requested(kafka_settings, command["command_id"])
    read = await admin.get(answer.headers["location"])

    assert answer.status_code == 202
    assert (command["state"], command["revision"], command["reply_hex"]) == ("queued", 0, None)
    assert (request.type, request.args, request.queue) == ("set_output", {"output": 2, "on": True}, "never")
    assert [change["state"] for change in read.json()["transitions"]] == ["queued"]
    assert [item["command_id"] for item in (await admin.get(PATH)).json()["items"]] == [command["command_id"]]


async def test_each_word_about_a_command_is_a_line_that_names_command_and_device(admin: httpx.AsyncClient) -> None:
    with structlog.testing.capture_logs() as lines:
        command_id = (await admin.post(PATH, json={"type": "identify"})).json()["command_id"]
        await admin.post(f"/v1/commands/{command_id}/cancel")

    assert [(line["event"], line["action"], line["command_id"], line["device_id"]) for line in lines] == [
        ("command.asked", "submit", command_id, "1"),
        ("command.asked", "cancel", command_id, "1"),
    ]


@pytest.mark.parametrize(
    ("body", "seconds"),
    [
        ({"type": "restart"}, 60),
        ({"type": "identify"}, 24 * 3600),
        ({"type": "set_interval", "args": {"interval_s": 10}}, 24 * 3600),
        ({"type": "restart", "deadline_s": 5}, 5),
    ],
)
async def test_the_deadline_is_short_for_what_acts(
    admin: httpx.AsyncClient, database: asyncpg.Connection, body: dict[str, Any], seconds: int
) -> None:
    command_id = (await admin.post(PATH, json=body)).json()["command_id"]
    query = "SELECT extract(epoch FROM deadline_at - requested_at)::float8 FROM fleet.commands WHERE command_id = $1"

    assert await database.fetchval(query, command_id) == pytest.approx(seconds)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"type": "fly"}, "type"),
        ({"type": "set_interval"}, "args.interval_s"),
        ({"type": "set_output", "args": {"output": 17, "on": True}}, "args.output"),
        ({"type": "set_output", "args": {"output": 2, "on": True, "colour": "red"}}, "args.colour"),
    ],
)
async def test_a_wrong_argument_is_named_and_nothing_is_stored(
    admin: httpx.AsyncClient, database: asyncpg.Connection, body: dict[str, Any], where: str
) -> None:
    answer = await admin.post(PATH, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_command_argument")
    assert answer.json()["errors"][0]["where"] == where
    assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 0


@pytest.mark.parametrize(
    "body",
    [{}, {"type": "restart", "deadline_s": 0}, {"type": "restart", "when": "now"}, {"type": "restart", "queue": "x"}],
)
async def test_a_malformed_body_is_a_problem(admin: httpx.AsyncClient, body: dict[str, Any]) -> None:
    answer = await admin.post(PATH, json=body)

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


@pytest.mark.parametrize(
    ("args", "name", "dangerous"),
    [
        ({"engaged": True}, "set_immobiliser", True),
        ({"engaged": False}, "set_immobiliser", False),
        ({"output": 1, "on": True}, "set_output", True),
        ({"output": 1, "on": False}, "set_output", False),
        ({"output": 2, "on": True}, "set_output", False),
    ],
)
async def test_cutting_the_engine_needs_a_scope_of_its_own(
    make_client: "MakeClient", drives: "Drives", args: dict[str, Any], name: str, dangerous: bool
) -> None:
    await drives(0)
    body = {"type": name, "args": args}
    plain = await (await make_client("send:commands")).post(PATH, json=body)
    trusted = await (await make_client("send:commands", "send:commands:dangerous")).post(PATH, json=body)

    assert plain.status_code == (403 if dangerous else 202)
    assert trusted.status_code == 202


async def test_a_command_that_ended_cannot_be_taken_back(
    admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    command_id = (await admin.post(PATH, json={"type": "restart"})).json()["command_id"]
    first = await admin.post(f"/v1/commands/{command_id}/cancel")
    await database.execute("UPDATE fleet.commands SET state = 'expired'")
    second = await admin.post(f"/v1/commands/{command_id}/cancel")

    assert first.status_code == 202
    assert (second.status_code, second.json()["code"]) == (409, "command_final")


@pytest.mark.parametrize("state", ["unknown", "dispatched", "written"])
async def test_taking_back_what_may_have_left_says_so(
    admin: httpx.AsyncClient, database: asyncpg.Connection, state: str
) -> None:
    command_id = (await admin.post(PATH, json={"type": "restart"})).json()["command_id"]
    await database.execute("UPDATE fleet.commands SET state = $1", state)
    answer = await admin.post(f"/v1/commands/{command_id}/cancel")

    if state == "unknown":
        assert (answer.status_code, answer.json()["code"]) == (409, "cancel_too_late")
    else:
        assert answer.status_code == 202  # the listener, or the command's next state, tells


@pytest.mark.parametrize(("body", "limit_s"), [({"type": "restart"}, 3600), ({"type": "identify"}, 7 * 24 * 3600)])
async def test_a_deadline_has_its_limit(admin: httpx.AsyncClient, body: dict[str, Any], limit_s: int) -> None:
    good = await admin.post(PATH, json={**body, "deadline_s": limit_s})
    bad = await admin.post(PATH, json={**body, "deadline_s": limit_s + 1})

    assert good.status_code == 202
    assert (bad.status_code, bad.json()["code"]) == (422, "deadline_too_long")
    assert bad.json()["errors"][0]["where"] == "deadline_s"


async def test_a_full_queue_refuses_more(admin: httpx.AsyncClient, database: asyncpg.Connection) -> None:
    await admin.post("/v1/devices", json={"device_id": "2"})
    await database.execute(
        "INSERT INTO fleet.commands (command_id, revision, device_id, type, state, at, requested_at, requested_by, deadline_at)"
        " SELECT 'c' || n, 1, '1', 'identify', (ARRAY['queued', 'written', 'expired'])[n % 3 + 1], now(), now(), 'me', now()"
        " FROM generate_series(1, 149) n"
    )
    last = await admin.post(PATH, json={"type": "identify"})
    refused = await admin.post(PATH, json={"type": "identify"})
    other = await admin.post("/v1/devices/2/commands", json={"type": "identify"})

    assert (last.status_code, other.status_code) == (202, 202)
    assert (refused.status_code, refused.json()["code"]) == (409, "too_many_queued")


async def test_without_kafka_a_command_is_refused_and_nothing_is_left(
    admin: httpx.AsyncClient, api_database_url: str, database: asyncpg.Connection
) -> None:
    settings = ApiSettings(database_url=SecretStr(api_database_url), probes_host="127.0.0.1", probes_port=0)
    app = create_app(settings, KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=admin.headers) as client,
    ):
        answer = await client.post(PATH, json={"type": "restart"})

    assert (answer.status_code, answer.json()["code"]) == (503, "bus_unavailable")
    assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 0


async def test_without_a_database_the_answer_says_so(admin: httpx.AsyncClient, kafka_settings: KafkaSettings) -> None:
    url = SecretStr("postgresql://nobody:x@127.0.0.1:1/none")
    app = create_app(ApiSettings(database_url=url, probes_host="127.0.0.1", probes_port=0), kafka_settings)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=transport, base_url="http://api", headers=admin.headers) as client,
    ):
        while set(app.state.probes.problems()) != {"database"}:
            await asyncio.sleep(0.01)
        answer = await client.get("/v1/devices")

    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
