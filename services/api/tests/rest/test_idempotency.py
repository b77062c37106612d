"""The same request with the same key is carried out once, whatever breaks and whichever process is asked."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from vt600_api.app import create_app
from vt600_api.settings import ApiSettings
from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS

if TYPE_CHECKING:
    from rest.conftest import MakeClient

pytestmark = pytest.mark.servers

PATH = "/v1/devices/1/commands"
SEQUENCES = "/v1/devices/1/command-sequences"
RESTART = {"type": "restart", "deadline_s": 60}
KEY = {"Idempotency-Key": "order 66"}


@pytest.fixture(autouse=True)
async def device(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/devices", json={"device_id": "1"})


@pytest.fixture
async def other_app(
    api_database_url: str, kafka_settings: KafkaSettings, app: FastAPI, admin: httpx.AsyncClient
) -> AsyncIterator[httpx.AsyncClient]:
    """A client of another process's worth of API on the same database."""
    settings = ApiSettings(
        database_url=SecretStr(api_database_url), probes_host="127.0.0.1", probes_port=0, key_cache_s=0
    )
    other = create_app(settings, kafka_settings)
    async with other.router.lifespan_context(other), asyncio.timeout(60):
        while other.state.probes.problems():
            await asyncio.sleep(0.01)
        transport = httpx.ASGITransport(other, raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://api", headers=admin.headers) as client:
            yield client


async def asked(kafka: KafkaSettings, command_id: str) -> int:
    """How often the commander was asked for it so far."""
    found: list[str] = []

    async def read(follower: Follower) -> None:
        while True:
            found.extend(decode(CommandRequest, one.value).command_id for one in await follower.next_batch())

    async with Follower(kafka, [COMMAND_REQUESTS], client_id="api-test", start="beginning") as follower:
        reading = asyncio.create_task(read(follower))
        await follower.caught_up.wait()
        reading.cancel()
        await asyncio.wait([reading])
    return found.count(command_id)


async def test_the_same_key_and_body_are_the_same_command(
    admin: httpx.AsyncClient, kafka_settings: KafkaSettings, database: asyncpg.Connection
) -> None:
    first = await admin.post(PATH, json=RESTART, headers=KEY)
    otherwise = b'{"deadline_s": 60.0, "args": {}, "type": "restart"}'
    again = await admin.post(PATH, content=otherwise, headers={"Content-Type": "application/json", **KEY})

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json()["command_id"] == first.json()["command_id"]
    assert again.headers["location"] == first.headers["location"]
    assert await asked(kafka_settings, first.json()["command_id"]) == 1
    assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 1


@pytest.mark.parametrize(
    ("path", "body"),
    [
        (PATH, {"type": "identify"}),
        ("/v1/devices/2/commands", RESTART),
        (SEQUENCES, {"commands": [{"type": "restart"}]}),
    ],
)
async def test_the_same_key_with_another_request_is_refused(
    admin: httpx.AsyncClient, database: asyncpg.Connection, path: str, body: dict[str, object]
) -> None:
    await admin.post("/v1/devices", json={"device_id": "2"})
    await admin.post(PATH, json=RESTART, headers=KEY)
    other = await admin.post(path, json=body, headers=KEY)

    assert (other.status_code, other.json()["code"]) == (422, "idempotency_key_reused")
    assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 1


async def test_without_a_key_two_requests_are_two_commands(admin: httpx.AsyncClient) -> None:
    answers = [await admin.post(PATH, json=RESTART) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    assert len({answer.json()["command_id"] for answer in answers}) == 2


async def test_a_key_is_its_callers_own(make_client: "MakeClient") -> None:
    answers = [await (await make_client("send:commands")).post(PATH, json=RESTART, headers=KEY) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]


async def test_many_at_once_over_two_processes_are_one_command(
    admin: httpx.AsyncClient, other_app: httpx.AsyncClient, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    clients = [admin, other_app]
    for round_ in range(5):
        headers = {"Idempotency-Key": f"round {round_}"}
        answers = await asyncio.gather(*(clients[n % 2].post(PATH, json=RESTART, headers=headers) for n in range(16)))
        made = [answer.json()["command_id"] for answer in answers if answer.status_code in (200, 202)]

        assert [answer.status_code for answer in answers].count(202) == 1
        assert len(set(made)) == 1
        assert {answer.json()["code"] for answer in answers if answer.status_code not in (200, 202)} <= {
            "idempotency_key_in_flight"
        }
        assert await asked(kafka_settings, made[0]) == 1
    assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 5


async def test_while_the_first_is_at_work_the_second_is_told_so(
    admin: httpx.AsyncClient, database: asyncpg.Connection
) -> None:
    first = (await admin.post(PATH, json=RESTART, headers=KEY)).json()["command_id"]
    await database.execute("UPDATE fleet.idempotency_keys SET done_at = NULL")  # as if it had not come so far
    await database.execute("DELETE FROM fleet.commands")
    in_flight = await admin.post(PATH, json=RESTART, headers=KEY)
    await database.execute("UPDATE fleet.idempotency_keys SET claimed_until = now()")  # it died, and its time is up
    after = await admin.post(PATH, json=RESTART, headers=KEY)

    assert (in_flight.status_code, in_flight.json()["code"]) == (409, "idempotency_key_in_flight")
    assert (after.status_code, after.json()["command_id"]) == (202, first)


async def test_a_request_that_failed_can_be_repeated_at_once_and_makes_the_same_command(
    admin: httpx.AsyncClient, api_database_url: str, database: asyncpg.Connection
) -> None:
    settings = ApiSettings(database_url=SecretStr(api_database_url), probes_host="127.0.0.1", probes_port=0)
    app = create_app(settings, KafkaSettings(bootstrap_servers="127.0.0.1:1"))
    async with (
        app.router.lifespan_context(app),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://api", headers=admin.headers) as client,
    ):
        failed = await client.post(PATH, json=RESTART, headers=KEY)
    claimed = await database.fetchval("SELECT resource_id FROM fleet.idempotency_keys")
    again = await admin.post(PATH, json=RESTART, headers=KEY)

    assert failed.status_code == 503
    assert (again.status_code, again.json()["command_id"]) == (202, claimed)


async def test_a_key_is_free_again_after_a_day(admin: httpx.AsyncClient, database: asyncpg.Connection) -> None:
    first = await admin.post(PATH, json=RESTART, headers=KEY)
    await database.execute("UPDATE fleet.idempotency_keys SET created_at = now() - interval '23 hours 59 minutes'")
    kept = await admin.post(PATH, json=RESTART, headers=KEY)
    await database.execute("UPDATE fleet.idempotency_keys SET created_at = now() - interval '24 hours 1 second'")
    free = await admin.post(PATH, json={"type": "identify"}, headers=KEY)

    assert (kept.status_code, free.status_code) == (200, 202)
    assert free.json()["command_id"] != first.json()["command_id"]


@pytest.mark.parametrize("key", [b"", b"x" * 256, "café".encode()])
async def test_a_key_that_cannot_be_kept_is_a_problem(admin: httpx.AsyncClient, key: bytes) -> None:
    answer = await admin.post(PATH, json=RESTART, headers={b"Idempotency-Key": key})

    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")
