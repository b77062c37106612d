"""The process that works out trips: started, fed, told to stop."""

import asyncio
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import asyncpg
import pytest

from vt600_bus.records import Uplink

pytestmark = pytest.mark.servers


async def test_the_process_becomes_ready_works_trips_out_and_leaves_in_order(
    fleet_url: str,
    unused_tcp_port: int,
    ingest: Callable[..., Awaitable[None]],
    database: asyncpg.Connection,
    make_uplink: Callable[..., Uplink],
    eventually: Callable[..., Awaitable[None]],
    device_id: str,
) -> None:
    settings = {
        "TRIPS_DATABASE_URL": fleet_url,
        "TRIPS_PROBES_HOST": "127.0.0.1",
        "TRIPS_PROBES_PORT": str(unused_tcp_port),
        "TRIPS_INTERVAL_S": "0.1",
    }
    running = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.trips", env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
    )
    probes = f"http://127.0.0.1:{unused_tcp_port}"

    async def ready() -> int:
        try:
            async with http.get(f"{probes}/health/ready") as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def trips() -> Any:
        return await database.fetchval("SELECT count(*) FROM fleet.trips WHERE device_id = $1", device_id)

    async with aiohttp.ClientSession() as http:
        await eventually(ready, 200)
        await ingest(*(make_uplink(at, inputs=4) for at in range(0, 600, 30)))
        await eventually(trips, 1)
        async with http.get(f"{probes}/metrics") as answer:
            metrics = await answer.text()
    running.send_signal(signal.SIGTERM)
    output, _ = await asyncio.wait_for(running.communicate(), 20)

    assert running.returncode == 0, output
    assert 'vt600_trips_passes_total{way="rebuilt"}' in metrics
    assert b"Traceback" not in output


@pytest.mark.parametrize(
    ("settings", "named"),
    [({}, b"database_url"), ({"TRIPS_DATABASE_URL": "postgresql://x", "TRIPS_GAP_S": "60"}, b"gap_s must not be")],
)
async def test_wrong_settings_are_one_line(settings: dict[str, str], named: bytes) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("TRIPS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.trips", env=environment | settings, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 2
    assert len(output.splitlines()) == 1
    assert named in output
