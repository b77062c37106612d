"""The whole process: started, asked, fed, told to stop."""

import asyncio
import os
import signal
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import aiohttp
import asyncpg
import pytest

from vt600_bus import KafkaSettings, Publisher
from vt600_bus.records import CommandStatus, Reject, Uplink
from vt600_bus.topics import COMMAND_STATUSES, REJECTS, UPLINKS

pytestmark = pytest.mark.servers

NOW = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
async def process(
    kafka_servers: str, fleet_url: str, unused_tcp_port: int
) -> AsyncIterator[tuple[asyncio.subprocess.Process, str]]:
    """The ingest process and the address of its probes."""
    settings = {
        "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
        "INGEST_DATABASE_URL": fleet_url,
        "INGEST_PROBES_HOST": "127.0.0.1",
        "INGEST_PROBES_PORT": str(unused_tcp_port),
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.ingest", env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
    )
    yield process, f"http://127.0.0.1:{unused_tcp_port}"
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_the_process_becomes_ready_stores_all_three_topics_and_leaves_in_order(
    process: tuple[asyncio.subprocess.Process, str],
    kafka_servers: str,
    database: asyncpg.Connection,
    make_uplink: Callable[..., Uplink],
    eventually: Callable[..., Awaitable[None]],
    device_id: str,
) -> None:
    running, probes = process
    command_id = uuid.uuid4().hex
    status = CommandStatus(
        command_id=command_id, revision=1, device_id=device_id, type="identify", state="queued", at=NOW, requested_at=NOW,
        requested_by="test", deadline_at=NOW,
    )  # fmt: skip
    reject = Reject(
        peer=command_id, transport="udp", listener_id="l", received_at=NOW, reason="checksum", detail="", raw=b"x",
        total_bytes=1,
    )  # fmt: skip

    async def ready() -> int:
        try:
            async with http.get(f"{probes}/health/ready") as answer:
                return answer.status
        except aiohttp.ClientConnectionError:
            return 0

    async def counts() -> tuple[Any, ...]:
        query = """
        SELECT (SELECT count(*) FROM fleet.reports WHERE device_id = $1),
               (SELECT count(*) FROM fleet.commands WHERE command_id = $2),
               (SELECT count(*) FROM fleet.command_transitions WHERE command_id = $2),
               (SELECT count(*) FROM fleet.rejects WHERE peer = $2)
        """
        row = await database.fetchrow(query, device_id, command_id)
        return tuple(row or ())

    async with aiohttp.ClientSession() as http:
        await eventually(ready, 200)
        async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="test") as publisher:
            await publisher.publish(UPLINKS, device_id, make_uplink())
            await publisher.publish(COMMAND_STATUSES, device_id, status)
            await publisher.publish(REJECTS, reject.peer, reject)
        await eventually(counts, (1, 1, 1, 1))
        async with http.get(f"{probes}/metrics") as answer:
            metrics = await answer.text()
    running.send_signal(signal.SIGTERM)
    output, _ = await asyncio.wait_for(running.communicate(), 20)

    assert running.returncode == 0, output
    assert 'vt600_ingest_reports_total{result="stored"}' in metrics
    assert 'vt600_ingest_lag_records{topic="vt600.uplinks.v1"} 0.0' in metrics
    assert b"Traceback" not in output


async def test_missing_settings_are_one_line() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("INGEST_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.ingest", env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)

    assert process.returncode == 2
    assert len(output.splitlines()) == 1
    assert b"database_url" in output
