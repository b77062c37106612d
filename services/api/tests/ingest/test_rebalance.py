"""Several ingest processes share the work; they come, leave and die meanwhile."""

import asyncio
import hashlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack

import aiohttp
import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from msgspec import structs

from vt600_bus import KafkaSettings, Publisher, decode
from vt600_bus.records import Report, Uplink
from vt600_bus.topics import REPORTS, UPLINKS
from vt600_local.ports import free_port

pytestmark = pytest.mark.servers

DEVICES = 40
EACH = 150


class Process:
    """An ingest process of the one group."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._port = free_port()
        probes = {
            "INGEST_PROBES_HOST": "127.0.0.1",
            "INGEST_PROBES_PORT": str(self._port),
            "INGEST_BATCH_RECORDS": "50",
        }
        self._environment = {**os.environ, **environment, **probes}

    async def start(self) -> None:
        """Start it, and wait until it has its share."""
        self._running = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "vt600_api.ingest", env=self._environment, stdout=asyncio.subprocess.DEVNULL
        )
        async with aiohttp.ClientSession() as http, asyncio.timeout(30):
            while not await self._is_ready(http):
                await asyncio.sleep(0.02)

    async def end(self, how: signal.Signals) -> None:
        """Send a signal, and wait until it is gone."""
        if self._running.returncode is None:
            self._running.send_signal(how)
            await asyncio.wait_for(self._running.wait(), 20)

    async def _is_ready(self, http: aiohttp.ClientSession) -> bool:
        try:
            async with http.get(f"http://127.0.0.1:{self._port}/health/ready") as answer:
                return answer.status == 200
        except aiohttp.ClientConnectionError:
            return False


@pytest.fixture
async def make_process(kafka_servers: str, fleet_url: str) -> AsyncIterator[Callable[[], Process]]:
    """Makes processes; those that still run at the end are killed."""
    async with AsyncExitStack() as made:

        def make() -> Process:
            process = Process({"KAFKA_BOOTSTRAP_SERVERS": kafka_servers, "INGEST_DATABASE_URL": fleet_url})
            made.push_async_callback(process.end, signal.SIGKILL)
            return process

        yield make


async def test_members_that_come_leave_and_die_neither_lose_nor_double_anything(
    make_process: Callable[[], Process],
    kafka_servers: str,
    database: asyncpg.Connection,
    make_uplink: Callable[..., Uplink],
    eventually: Callable[..., Awaitable[None]],
    device_id: str,
) -> None:
    devices = [f"{device_id}{number}" for number in range(DEVICES)]
    stored = "SELECT count(*) FROM fleet.reports WHERE device_id = ANY($1)"
    first, second, third = (make_process() for _ in range(3))

    async def rows() -> int:
        return int(await database.fetchval(stored, devices))

    async def publish(publisher: Publisher, start: int, end: int) -> None:
        for at in range(start, end):
            uplink = make_uplink(at * 10.0)
            uplinks = [
                structs.replace(
                    uplink,
                    device_id=each,
                    frame_id=hashlib.blake2b(f"{each} {at}".encode(), digest_size=16).hexdigest(),
                )
                for each in devices
            ]
            await asyncio.gather(*(publisher.publish(UPLINKS, one.device_id, one) for one in uplinks))

    ends = await end_of_reports(kafka_servers)
    await first.start()
    async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="test") as publisher:
        publishing = asyncio.create_task(publish(publisher, 0, EACH // 2))
        await asyncio.gather(second.start(), third.start())
        await first.end(signal.SIGKILL)
        await publishing
        publishing = asyncio.create_task(publish(publisher, EACH // 2, EACH))
        await second.end(signal.SIGTERM)
        await publishing
        await eventually(rows, DEVICES * EACH, timeout_s=40.0)

    late = await database.fetchval(f"{stored} AND late", devices)
    assert late == 0
    published = await published_since(kafka_servers, ends, set(devices))
    assert len(set(published)) == DEVICES * EACH
    assert len(published) - DEVICES * EACH <= 2 * 50  # what the killed one had published and not committed


async def end_of_reports(kafka_servers: str) -> dict[TopicPartition, int]:
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_servers)
    await consumer.start()
    try:
        found = await consumer.end_offsets([TopicPartition(REPORTS.name, at) for at in range(REPORTS.partitions)])
    finally:
        await consumer.stop()
    return dict(found)


async def published_since(
    kafka_servers: str, since: dict[TopicPartition, int], devices: set[str]
) -> list[tuple[str, str]]:
    """Device and frame of each report of the devices behind these places."""
    ends = await end_of_reports(kafka_servers)
    found = []
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_servers)
    await consumer.start()
    try:
        consumer.assign(list(since))
        for partition, offset in since.items():
            consumer.seek(partition, offset)
        while any([await consumer.position(partition) < ends[partition] for partition in since]):
            for records in (await consumer.getmany(timeout_ms=500)).values():
                reports = [decode(Report, record.value) for record in records]
                found += [(report.device_id, report.frame_id) for report in reports if report.device_id in devices]
    finally:
        await consumer.stop()
    return found
