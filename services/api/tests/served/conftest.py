"""The real application behind a real server on a free port, on a migrated database and a real Kafka."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import httpx
import pytest
import uvicorn
import websockets
from fastapi import FastAPI
from pydantic import SecretStr

from vt600_api.app import create_app
from vt600_api.auth import key_hash, new_key
from vt600_api.live.hub import Hub
from vt600_api.migrate import upgrade
from vt600_api.settings import ApiSettings
from vt600_bus import KafkaSettings
from vt600_local.ports import free_port

MakeKey = Callable[..., Awaitable[str]]
AddRow = Callable[..., Awaitable[None]]
Eventually = Callable[..., Awaitable[Any]]
Report = Callable[..., Awaitable[None]]

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MANY = """
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late, latitude, longitude)
SELECT $1, $2::timestamptz + n * interval '1 second', md5(n::text)::uuid, now(), 'binary', 'position', true, false,
    n * 1e-6, n * 1e-6 FROM generate_series(1, $3::int) n
"""


@dataclass(frozen=True)
class Served:
    """An application that answers on `port`; `key` is that of an administrator."""

    app: FastAPI
    port: int
    probes_url: str
    key: str
    _clients: AsyncExitStack = field(repr=False)

    @property
    def hub(self) -> Hub:
        """Its fan-out."""
        hub: Hub = self.app.state.services.hub
        return hub

    async def client(self, key: str | None = None) -> httpx.AsyncClient:
        """REST with the key, the administrator's without one."""
        headers = {"Authorization": f"Bearer {key or self.key}"}
        made = httpx.AsyncClient(base_url=f"http://127.0.0.1:{self.port}", headers=headers, timeout=30)
        return await self._clients.enter_async_context(made)

    def stream(self, query: str = "", *, key: str | None = None, **options: Any) -> websockets.connect:
        """The live stream with the key, the administrator's without one."""
        address = f"ws://127.0.0.1:{self.port}/v1/stream?api_key={key or self.key}&{query}"
        return websockets.connect(address, **options)


Serve = Callable[..., Awaitable[Served]]


@pytest.fixture(scope="session")
def store_url(make_database: Callable[[], str]) -> str:
    """A database with every migration applied. Tests part their rows by identities of their own."""
    url = make_database()
    upgrade(SecretStr(url))
    return url


@pytest.fixture
async def store(store_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to fill and look at the store."""
    connection = await asyncpg.connect(store_url)
    yield connection
    await connection.close()


@pytest.fixture
def make_key(store: asyncpg.Connection) -> MakeKey:
    """Makes keys with the scopes."""

    async def make(*scopes: str) -> str:
        key = new_key()
        query = "INSERT INTO fleet.api_keys (name, key_hash, scopes) VALUES ('a test', $1, $2)"
        await store.execute(query, key_hash(key), list(scopes))
        return key

    return make


@pytest.fixture
def add_row(store: asyncpg.Connection) -> AddRow:
    """Puts a row into a table of the fleet."""

    async def add(table: str, **values: Any) -> None:
        places = ", ".join(f"${number}" for number in range(1, len(values) + 1))
        query = f"INSERT INTO fleet.{table} ({', '.join(values)}) VALUES ({places})"  # noqa: S608 - names of ours
        await store.execute(query, *values.values())

    return add


@pytest.fixture
async def device_id(add_row: AddRow) -> str:
    """A device of the test's own, pending."""
    identity = f"t{uuid.uuid4().hex[:12]}"
    await add_row("devices", device_id=identity)
    return identity


@pytest.fixture
def report(device_id: str, add_row: AddRow) -> Report:
    """Puts a report of the device into the store, some seconds after noon of 4 May 2026; by default a valid fix at the origin."""
    number = 0

    async def add(seconds: float, **values: Any) -> None:
        nonlocal number
        number += 1
        said = {
            "dialect": "ascii",
            "kind": "position",
            "fix_valid": True,
            "late": False,
            "latitude": 0.0,
            "longitude": 0.0,
        }
        time = NOON + timedelta(seconds=seconds)
        place = {"device_id": device_id, "device_time": time, "received_at": time, "frame_id": f"{number:032x}"}
        await add_row("reports", **{**place, **said, **values})

    return add


@pytest.fixture
async def long_path(device_id: str, store: asyncpg.Connection) -> str:
    """The address of a file of 200,000 lines."""
    await store.execute(MANY, device_id, NOON, 200_000)
    return f"/v1/devices/{device_id}/positions/export"


@pytest.fixture
async def serve(store_url: str, kafka_servers: str, make_key: MakeKey) -> AsyncIterator[Serve]:
    """Starts applications; settings by name, `kafka` and `database_url` too."""
    async with AsyncExitStack() as stack:

        async def start(*, kafka: str = kafka_servers, database_url: str = store_url, **settings: Any) -> Served:
            probes_port = free_port()
            words = {"key_cache_s": 0.0, **settings, "probes_host": "127.0.0.1", "probes_port": probes_port}
            app = create_app(
                ApiSettings(database_url=SecretStr(database_url), **words), KafkaSettings(bootstrap_servers=kafka)
            )
            port = await stack.enter_async_context(_answering(app))
            return Served(app, port, f"http://127.0.0.1:{probes_port}", await make_key("admin"), stack)

        yield start


@pytest.fixture
async def served(serve: Serve) -> Served:
    """An application with its usual settings."""
    return await serve()


@pytest.fixture
def eventually() -> Eventually:
    """Waits until a question has an answer that will do; fails with the last answer when it never has."""

    async def eventually(ask: Callable[[], Awaitable[Any]], wanted: Callable[[Any], bool]) -> Any:
        answer: object = None
        try:
            async with asyncio.timeout(20):
                while True:
                    answer = await ask()
                    if wanted(answer):
                        return answer
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"the last answer was {answer!r}")

    return eventually


@asynccontextmanager
async def _answering(app: FastAPI) -> AsyncIterator[int]:
    """The application behind a server; gives its port."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, access_log=False, timeout_graceful_shutdown=2))
        running = asyncio.create_task(server.serve(sockets=[listening]))
        try:
            async with asyncio.timeout(20):
                while not server.started:
                    if running.done():
                        running.result()
                    await asyncio.sleep(0.01)
            yield listening.getsockname()[1]
        finally:
            server.should_exit = True
            await running
