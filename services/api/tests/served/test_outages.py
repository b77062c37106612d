"""The database or Kafka goes away, also in the middle of a request, and comes back."""

import asyncio
import os
import signal
from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest
from pydantic import SecretStr

from vt600_api.auth import key_hash, new_key
from vt600_api.migrate import upgrade
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres

if TYPE_CHECKING:
    from served.conftest import Eventually, Serve

pytestmark = pytest.mark.servers

WAITING = "SELECT max(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock'"


@pytest.fixture
def postgres(own_postgres: Callable[[], Postgres]) -> Postgres:
    """A server of the test's own, with every migration applied."""
    server = own_postgres()
    upgrade(SecretStr(server.url))
    return server


@pytest.fixture
async def key(postgres: Postgres) -> str:
    """An administrator's key on that server."""
    made = new_key()
    connection = await asyncpg.connect(postgres.url)
    await connection.execute(
        "INSERT INTO fleet.api_keys (name, key_hash, scopes) VALUES ('a test', $1, '{admin}')", key_hash(made)
    )
    await connection.close()
    return made


def code_of(answer: httpx.Response) -> tuple[int, str | None]:
    return answer.status_code, answer.json().get("code")


@pytest.mark.parametrize("key_cache_s", [0.0, 60.0])
async def test_without_its_database_the_api_says_so_until_it_is_back(
    serve: "Serve", postgres: Postgres, key: str, eventually: "Eventually", key_cache_s: float
) -> None:
    served = await serve(database_url=postgres.url, key_cache_s=key_cache_s)
    client = await served.client(key)

    async def ready() -> tuple[int, list[str]]:
        async with httpx.AsyncClient() as probes:
            answer = await probes.get(f"{served.probes_url}/health/ready")
        return answer.status_code, list(answer.json()["problems"])

    assert (await client.get("/v1/devices")).status_code == 200
    assert await eventually(ready, lambda found: found[0] == 200)
    postgres.kill()
    assert [code_of(await client.get("/v1/devices")) for _ in range(3)] == [(503, "database_unavailable")] * 3
    assert await eventually(ready, lambda found: found[0] == 503) == (503, ["database"])
    postgres.start()

    assert (await client.get("/v1/devices")).status_code == 200
    assert await eventually(ready, lambda found: found[0] == 200)


async def test_a_request_that_loses_its_database_half_way_is_told_so(
    serve: "Serve", postgres: Postgres, key: str, eventually: "Eventually"
) -> None:
    served = await serve(database_url=postgres.url)
    client = await served.client(key)
    locking = await asyncpg.connect(postgres.url)
    watching = await asyncpg.connect(postgres.url)
    await locking.execute("BEGIN; LOCK TABLE fleet.devices IN ACCESS EXCLUSIVE MODE")

    async def waiting() -> int | None:
        found: int | None = await watching.fetchval(WAITING)
        return found

    async def end_backend(pid: int) -> None:
        await watching.execute("SELECT pg_terminate_backend($1)", pid)

    async def end_server(_pid: int) -> None:
        postgres.kill()

    for end in (end_backend, end_server):
        asking = asyncio.create_task(client.get("/v1/devices"))
        await end(await eventually(waiting, lambda pid: pid is not None))

        assert code_of(await asking) == (503, "database_unavailable")
    for connection in (locking, watching):
        connection.terminate()


async def test_a_wrong_statement_is_not_taken_for_an_outage(serve: "Serve", postgres: Postgres, key: str) -> None:
    served = await serve(database_url=postgres.url)
    client = await served.client(key)
    connection = await asyncpg.connect(postgres.url)
    await connection.execute("DROP TABLE fleet.latest_positions")
    await connection.close()

    assert code_of(await client.get("/v1/positions/latest")) == (500, "internal_error")


async def test_while_kafka_is_slow_everything_can_be_read(
    serve: "Serve", own_kafka: Callable[[], Kafka], device_id: str, eventually: "Eventually"
) -> None:
    kafka = own_kafka()
    served = await serve(kafka=kafka.bootstrap_servers, bus_timeout_s=3, database_pool_size=2)
    client = await served.client()

    async def submit() -> tuple[int, str | None]:
        return code_of(await client.post(f"/v1/devices/{device_id}/commands", json={"type": "identify"}))

    assert await eventually(submit, lambda found: found[0] == 202)
    os.kill(kafka.pid, signal.SIGSTOP)
    try:
        asking = [asyncio.create_task(submit()) for _ in range(4)]
        for _ in range(20):
            assert (await client.get("/v1/devices")).status_code == 200
        assert not any(task.done() for task in asking)
        refused = await asyncio.gather(*asking)
    finally:
        os.kill(kafka.pid, signal.SIGCONT)

    assert refused == [(503, "bus_unavailable")] * 4


async def test_without_kafka_nothing_is_asked_of_a_device_until_it_is_back(
    serve: "Serve", own_kafka: Callable[[], Kafka], device_id: str, eventually: "Eventually"
) -> None:
    kafka = own_kafka()
    served = await serve(kafka=kafka.bootstrap_servers, bus_timeout_s=0.5)
    client = await served.client()
    path = f"/v1/devices/{device_id}/commands"

    async def submit() -> tuple[int, str | None]:
        return code_of(await client.post(path, json={"type": "identify"}))

    assert await eventually(submit, lambda found: found[0] == 202)
    (command,) = (await client.get(path)).json()["items"]
    kafka.kill()
    assert [await submit() for _ in range(3)] == [(503, "bus_unavailable")] * 3
    assert code_of(await client.post(f"/v1/commands/{command['command_id']}/cancel")) == (503, "bus_unavailable")
    assert len((await client.get(path)).json()["items"]) == 1
    kafka.start()

    assert await eventually(submit, lambda found: found[0] == 202)
