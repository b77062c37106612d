"""Sequences of commands over REST."""

from typing import Any

import asyncpg
import httpx
import pytest

from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS

pytestmark = pytest.mark.servers

PATH = "/v1/devices/1/command-sequences"
STEPS: list[dict[str, Any]] = [
    {"type": "set_interval", "args": {"interval_s": 60}},
    {"type": "identify"},
    {"type": "restart", "deadline_s": 300},
]


@pytest.fixture(autouse=True)
async def device(admin: httpx.AsyncClient) -> None:
    await admin.post("/v1/devices", json={"device_id": "1"})


async def requested(kafka: KafkaSettings, sequence_id: str) -> list[CommandRequest]:
    """What the commander gets to read of a sequence."""
    found: list[CommandRequest] = []
    async with Follower(kafka, [COMMAND_REQUESTS], client_id="api-test", start="beginning") as follower:
        while not found:
            records = [decode(CommandRequest, delivery.value) for delivery in await follower.next_batch()]
            found = [record for record in records if record.command_id == sequence_id]
    return found


async def set_states(database: asyncpg.Connection, *states: str) -> None:
    for step, state in enumerate(states):
        await database.execute("UPDATE fleet.commands SET state = $1 WHERE step = $2", state, step)


async def test_a_sequence_is_one_request_with_all_its_commands(
    admin: httpx.AsyncClient, kafka_settings: KafkaSettings
) -> None:
    answer = await admin.post(PATH, json={"commands": STEPS})
    sequence = answer.json()
    (request,) = await requested(kafka_settings, sequence["sequence_id"])
    read = (await admin.get(answer.headers["location"])).json()

    assert answer.status_code == 202
    assert sequence["state"] == "running"
    assert [command["type"] for command in sequence["commands"]] == ["set_interval", "identify", "restart"]
    assert [step.type for step in request.steps] == ["set_interval", "identify", "restart"]
    assert [step.command_id for step in request.steps] == [item["command_id"] for item in sequence["commands"]]
    assert [(step.deadline_at - request.requested_at).total_seconds() for step in request.steps] == [86400, 86400, 300]
    assert read == sequence
    one = (await admin.get(f"/v1/commands/{sequence['commands'][1]['command_id']}")).json()
    assert (one["sequence_id"], one["step"]) == (sequence["sequence_id"], 1)


@pytest.mark.parametrize(
    ("states", "state"),
    [
        (("queued", "queued", "queued"), "running"),
        (("acknowledged", "written", "queued"), "running"),
        (("acknowledged", "acknowledged", "acknowledged"), "acknowledged"),
        (("acknowledged", "failed", "queued"), "stopped"),
        (("acknowledged", "acknowledged", "unknown"), "stopped"),
        (("expired", "cancelled", "cancelled"), "stopped"),
    ],
)
async def test_its_state_is_that_of_its_commands(
    admin: httpx.AsyncClient, database: asyncpg.Connection, states: tuple[str, ...], state: str
) -> None:
    path = (await admin.post(PATH, json={"commands": STEPS})).headers["location"]
    await set_states(database, *states)
    sequence = (await admin.get(path)).json()

    assert sequence["state"] == state
    assert [command["state"] for command in sequence["commands"]] == list(states)


async def test_sequences_of_a_device_come_in_pages_the_newest_first(admin: httpx.AsyncClient) -> None:
    made = [(await admin.post(PATH, json={"commands": STEPS[:2]})).json() for _ in range(3)]
    first = (await admin.get(PATH, params={"limit": 2})).json()
    second = (await admin.get(PATH, params={"limit": 2, "cursor": first["next_cursor"]})).json()

    assert first["items"] + second["items"] == made[::-1]
    assert second["next_cursor"] is None


async def test_a_sequence_is_taken_back_from_its_end(
    admin: httpx.AsyncClient, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    answer = await admin.post(PATH, json={"commands": STEPS})
    await set_states(database, "acknowledged", "queued", "queued")
    cancelled = await admin.post(f"{answer.headers['location']}/cancel")
    await set_states(database, "acknowledged", "cancelled", "cancelled")
    again = await admin.post(f"{answer.headers['location']}/cancel")
    names = [command["command_id"] for command in answer.json()["commands"]]
    for name in names[1:]:
        (request,) = await requested(kafka_settings, name)
        assert request.action == "cancel"

    assert cancelled.status_code == 202
    assert (again.status_code, again.json()["code"]) == (409, "sequence_final")


async def test_the_same_key_and_body_are_the_same_sequence(admin: httpx.AsyncClient) -> None:
    headers = {"Idempotency-Key": "twice"}
    first, again = [await admin.post(PATH, json={"commands": STEPS}, headers=headers) for _ in range(2)]

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == first.json()


@pytest.mark.parametrize(
    ("commands", "code", "where"),
    [
        ([], "invalid_request", "body.commands"),
        ([{"type": "identify"}] * 51, "invalid_request", "body.commands"),
        ([{"type": "identify"}, {"type": "fly"}], "invalid_command_argument", "commands.1.type"),
        ([{"type": "restart", "deadline_s": 3601}], "deadline_too_long", "commands.0.deadline_s"),
        ([{"type": "identify", "queue": "never"}], "invalid_request", "body.commands.0.queue"),
    ],
)
async def test_what_is_wrong_is_named_and_nothing_is_stored(
    admin: httpx.AsyncClient, database: asyncpg.Connection, commands: list[Any], code: str, where: str
) -> None:
    answer = await admin.post(PATH, json={"commands": commands})

    assert (answer.status_code, answer.json()["code"]) == (422, code)
    assert answer.json()["errors"][0]["where"] == where
    assert await database.fetchval("SELECT count(*) FROM fleet.commands") == 0


async def test_a_sequence_that_does_not_exist_is_a_problem(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/v1/command-sequences/00000000-0000-0000-0000-000000000000")

    assert (answer.status_code, answer.json()["code"]) == (404, "sequence_not_found")
