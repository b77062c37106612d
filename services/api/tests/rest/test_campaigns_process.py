"""The process that carries campaigns out: killed in the middle of its work, started again, told to end."""

import asyncio
import os
import signal
import sys

import asyncpg
import pytest

from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS

pytestmark = pytest.mark.servers

DEVICES = 400
BEGIN = """
INSERT INTO fleet.campaigns (campaign_id, requested_at, requested_by, changed_at, type, args, queue, is_limited, per_minute, max_open,
                             max_failed_share, min_ended)
    VALUES ('00000000-0000-0000-0000-000000000001', now(), 'me', now(), 'identify', '{}', 'until_deadline', false, 10000, 1000, 1, 1)
"""
COUNT = "SELECT count(*) FROM fleet.campaign_devices WHERE state = ANY($1::text[])"


async def start(database_url: str, kafka: KafkaSettings) -> asyncio.subprocess.Process:
    settings = {
        "CAMPAIGNS_DATABASE_URL": database_url,
        "CAMPAIGNS_PROBES_HOST": "127.0.0.1",
        "CAMPAIGNS_PROBES_PORT": "0",
        "CAMPAIGNS_INTERVAL_S": "0.05",
        "KAFKA_BOOTSTRAP_SERVERS": kafka.bootstrap_servers,
    }
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.campaigns", env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
    )


async def wait_for(database: asyncpg.Connection, count: int, *states: str) -> None:
    async with asyncio.timeout(60):
        while await database.fetchval(COUNT, list(states)) < count:
            await asyncio.sleep(0.005)


async def test_killed_while_it_sends_it_sends_nobody_twice_and_leaves_nobody_out(
    api_database_url: str, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    await database.execute(
        "INSERT INTO fleet.devices (device_id) SELECT n::text FROM generate_series(1, $1::int) n", DEVICES
    )
    await database.execute(BEGIN)
    await database.execute(
        "INSERT INTO fleet.campaign_devices (campaign_id, device_id) SELECT campaign_id, device_id"
        " FROM fleet.campaigns, fleet.devices"
    )
    for least in (1, DEVICES // 4, DEVICES // 2):
        running = await start(api_database_url, kafka_settings)
        await wait_for(database, least, "sending", "sent")
        running.kill()
        await running.wait()
    assert await database.fetchval(COUNT, ["waiting", "sending"])
    running = await start(api_database_url, kafka_settings)
    await wait_for(database, DEVICES, "sent")
    running.send_signal(signal.SIGTERM)
    output, _ = await asyncio.wait_for(running.communicate(), 20)

    seen: dict[str, set[str]] = {}
    async with (
        asyncio.timeout(60),
        Follower(kafka_settings, [COMMAND_REQUESTS], client_id="api-test", start="beginning") as follower,
    ):
        ours = {row["command_id"] for row in await database.fetch("SELECT command_id FROM fleet.commands")}
        while len(seen) < DEVICES:
            for delivery in await follower.next_batch():
                request = decode(CommandRequest, delivery.value)
                if request.command_id in ours:
                    seen.setdefault(request.device_id, set()).add(repr(request))

    assert running.returncode == 0, output
    assert b"Traceback" not in output
    assert len(ours) == DEVICES
    assert all(len(requests) == 1 for requests in seen.values()), "what is repeated is the very same request"


async def test_wrong_settings_are_one_line() -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("CAMPAIGNS_")}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.campaigns", env=environment, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await asyncio.wait_for(process.communicate(), 20)

    assert (process.returncode, len(output.splitlines())) == (2, 1)
    assert b"database_url" in output
