"""What the tests of desired settings share: the commander and the device are played."""

import json
from typing import Any

import asyncpg
import httpx
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from vt600_api.desired.metrics import DesiredMetrics
from vt600_api.desired.runner import SettingsRunner
from vt600_protocol import (
    Answer,
    CommandFrame,
    Parameters,
    build_command,
    decode_datagram,
    encode_command,
    encode_reply,
)

DEVICE = "860000000000001"
PATH = f"/v1/devices/{DEVICE}/desired-settings"


def make_runner(app: FastAPI) -> SettingsRunner:
    services = app.state.services
    return SettingsRunner(
        services, sessions=services.sessions, metrics=DesiredMetrics(CollectorRegistry()), interval_s=0.01
    )


async def add_device(database: asyncpg.Connection) -> None:
    """An ASCII unit that is there."""
    await database.execute("INSERT INTO fleet.devices (device_id, dialect) VALUES ($1, 'ascii')", DEVICE)
    await is_linked(database, "online")


async def is_linked(database: asyncpg.Connection, state: str) -> None:
    await database.execute(
        "INSERT INTO fleet.device_links (device_id, state, since, session_id, generation, listener_id, opened_at, transport, peer)"
        " VALUES ($1, $2, now(), 's', 1, 'l', now(), 'tcp', 'p') ON CONFLICT (device_id) DO UPDATE SET state = $2",
        DEVICE,
        state,
    )


async def put(client: httpx.AsyncClient, **settings: Any) -> None:
    answer = await client.put(PATH, json=settings)
    assert answer.status_code == 200, answer.text


async def settings(client: httpx.AsyncClient) -> dict[str, dict[str, Any]]:
    return {item["setting"]: item for item in (await client.get(PATH)).json()["items"]}


async def states(client: httpx.AsyncClient) -> dict[str, tuple[Any, ...]]:
    return {name: (item["state"], item["reason"]) for name, item in (await settings(client)).items()}


async def commands(database: asyncpg.Connection, state: str = "%") -> list[tuple[str, dict[str, Any]]]:
    """(type, arguments) in the order in which they were asked for."""
    rows = await database.fetch(
        "SELECT type, args FROM fleet.commands WHERE state LIKE $1 ORDER BY requested_at, type", state
    )
    return [(row["type"], json.loads(row["args"])) for row in rows]


async def end(
    database: asyncpg.Connection, state: str, *, reason: str | None = None, reply: bytes | None = None
) -> None:
    """Every open command ends so, as ingest would write it."""
    await database.execute(
        "UPDATE fleet.commands SET state = $1, reason = $2, reply = $3, revision = 9 WHERE state = 'queued'",
        state,
        reason,
        reply,
    )


async def time_passes(database: asyncpg.Connection) -> None:
    await database.execute("UPDATE fleet.desired_settings SET next_at = now()")


def read_back(code: int, *values: str) -> bytes:
    sent = encode_command(build_command("read_parameters", {"code": code}), device_id=DEVICE, dialect="ascii")
    (frame,) = decode_datagram(sent.payload, role="device").messages
    assert isinstance(frame, CommandFrame)
    return encode_reply(frame, Answer(values=Parameters(code=str(code), values=values)))
