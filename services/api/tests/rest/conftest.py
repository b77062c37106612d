"""The real application on a migrated database and a real Kafka, without a network in between."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import httpx
import pytest
from fastapi import FastAPI
from pydantic import SecretStr

from vt600_api.app import create_app
from vt600_api.auth import key_hash
from vt600_api.migrate import upgrade
from vt600_api.settings import ApiSettings
from vt600_bus import KafkaSettings

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

MakeClient = Callable[..., Awaitable[httpx.AsyncClient]]
AddReport = Callable[..., Awaitable[None]]
Drives = Callable[..., Awaitable[None]]


@pytest.fixture(scope="session")
def api_database_url(make_database: Callable[[], str]) -> str:
    url = make_database()
    upgrade(SecretStr(url))
    return url


@pytest.fixture
async def database(api_database_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to fill and look at the store; every table is empty at the start of a test."""
    connection = await asyncpg.connect(api_database_url)
    await connection.execute(
        "TRUNCATE fleet.devices, fleet.reports, fleet.latest_positions, fleet.frames, fleet.commands,"
        " fleet.command_transitions, fleet.idempotency_keys, fleet.api_keys,"
        " fleet.campaigns, fleet.campaign_devices, fleet.device_links, fleet.desired_settings"
    )
    yield connection
    await connection.close()


@pytest.fixture
def kafka_settings(kafka_servers: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka_servers)


@pytest.fixture
async def app(
    api_database_url: str, kafka_settings: KafkaSettings, database: asyncpg.Connection
) -> AsyncIterator[FastAPI]:
    """The started application."""
    settings = ApiSettings(
        database_url=SecretStr(api_database_url), probes_host="127.0.0.1", probes_port=0, key_cache_s=0, bus_timeout_s=5
    )
    app = create_app(settings, kafka_settings)
    async with app.router.lifespan_context(app), asyncio.timeout(60):
        while app.state.probes.problems():
            await asyncio.sleep(0.01)
        yield app


@pytest.fixture
async def make_client(app: FastAPI, database: asyncpg.Connection) -> AsyncIterator[MakeClient]:
    """Clients, each with a key of its own that has the scopes; without scopes, without a key."""
    clients: list[httpx.AsyncClient] = []

    async def make(*scopes: str) -> httpx.AsyncClient:
        headers = {}
        if scopes:
            key = f"key-{len(clients)}"
            query = "INSERT INTO fleet.api_keys (name, key_hash, scopes) VALUES ($1, $2, $3)"
            await database.execute(query, f"client {len(clients)}", key_hash(key), list(scopes))
            headers = {"Authorization": f"Bearer {key}"}
        transport = httpx.ASGITransport(app, raise_app_exceptions=False)
        client = httpx.AsyncClient(transport=transport, base_url="http://api", headers=headers)
        clients.append(client)
        return client

    yield make
    for client in clients:
        await client.aclose()


@pytest.fixture
async def admin(make_client: MakeClient) -> httpx.AsyncClient:
    return await make_client("admin")


@pytest.fixture
def drives(database: asyncpg.Connection) -> Drives:
    """A device's newest fix: how fast, and how many seconds ago."""

    async def drives(speed_kmh: float, *, age_s: float = 1.0, device_id: str = "1") -> None:
        await database.execute("DELETE FROM fleet.latest_positions")
        await database.execute(
            "INSERT INTO fleet.latest_positions (device_id, device_time, fix_time, frame_id, received_at, dialect, kind,"
            " fix_valid, late, speed_kmh) VALUES ($4, $1, $1, $2, $1, 'binary', 'position', true, false, $3)",
            datetime.now(UTC) - timedelta(seconds=age_s),
            f"{1:032x}",
            speed_kmh,
            device_id,
        )

    return drives


@pytest.fixture
def add_report(database: asyncpg.Connection) -> AddReport:
    """Puts a report of device 1 into the store, some seconds after noon."""

    async def add(number: int, *, seconds: float = 0, kind: str = "position", late: bool = False) -> None:
        await database.execute("INSERT INTO fleet.devices (device_id) VALUES ('1') ON CONFLICT DO NOTHING")
        await database.execute(
            "INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late)"
            " VALUES ('1', $1, $2, $3, 'binary', $4, true, $5)",
            NOON + timedelta(seconds=seconds),
            f"{number:032x}",
            NOON,
            kind,
            late,
        )

    return add
