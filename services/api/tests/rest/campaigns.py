"""What the tests of campaigns share."""

import asyncio
from collections.abc import Callable
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from vt600_api.campaigns.metrics import CampaignsMetrics
from vt600_api.campaigns.runner import Runner
from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS

PATH = "/v1/campaigns"
IDENTIFY = {"type": "identify"}
FAST = {"per_minute": 6000}
TWELVE_DEVICES = (
    "INSERT INTO fleet.devices (device_id, name, state)"
    " SELECT to_char(n, 'FM00'), 'van ' || n, 'active' FROM generate_series(1, 12) n"
    " UNION ALL SELECT '99', 'van 99', 'pending'"
)


def make_runner(app: FastAPI) -> Runner:
    services = app.state.services
    metrics = CampaignsMetrics(CollectorRegistry())
    return Runner(services, sessions=services.sessions, metrics=metrics, interval_s=0.01)


async def begin(client: httpx.AsyncClient, **body: Any) -> str:
    answer = await client.post(PATH, json={"command": IDENTIFY, "filter": {}, **FAST} | body)
    assert answer.status_code == 202, answer.text
    return str(answer.headers["location"])


async def states(client: httpx.AsyncClient, path: str) -> dict[str, str]:
    page = (await client.get(f"{path}/devices")).json()
    return {item["device_id"]: item["state"] for item in page["items"]}


async def end(database: asyncpg.Connection, state: str, count: int = 1000) -> None:
    """So many of the commands that are open end in that state, as ingest would write it."""
    await database.execute(
        "UPDATE fleet.commands SET state = $1, revision = 9 WHERE command_id IN"
        " (SELECT command_id FROM fleet.commands WHERE state = 'queued' ORDER BY device_id LIMIT $2)",
        state,
        count,
    )


async def requests_until(
    kafka: KafkaSettings, database: asyncpg.Connection, enough: Callable[[list[CommandRequest]], bool]
) -> list[CommandRequest]:
    """What the commander got to read of this test's commands."""
    ours = {row["command_id"] for row in await database.fetch("SELECT command_id FROM fleet.commands")}
    found: list[CommandRequest] = []
    async with (
        asyncio.timeout(30),
        Follower(kafka, [COMMAND_REQUESTS], client_id="api-test", start="beginning") as follower,
    ):
        while not enough(found):
            records = [decode(CommandRequest, delivery.value) for delivery in await follower.next_batch()]
            found += [record for record in records if record.command_id in ours]
    return found
