"""Everything is killed in turn while a fleet reports; afterwards its own journal is compared with the store."""

import asyncio
import operator
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import asyncpg
import psutil
import pytest
from tests.gateway import Gateway, eventually

from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres
from vt600_local.server import ServerProcess
from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.tracker import Record, Tracker

pytestmark = pytest.mark.servers

TRACKERS = 200
IN_FLIGHT_S = 10.0  # a frame older than this had reached Kafka before its listener was killed


@pytest.fixture
def kafka(own_kafka: Callable[[], Kafka]) -> Kafka:
    return own_kafka()


@pytest.fixture
def postgres(own_postgres: Callable[[], Postgres]) -> Postgres:
    return own_postgres()


@pytest.fixture
def gateway(tmp_path: Path, kafka: Kafka, postgres: Postgres) -> Iterator[Gateway]:
    gateway = Gateway(tmp_path, kafka_servers=kafka.bootstrap_servers, database_url=postgres.url)
    try:
        gateway.start(listeners=2)
        yield gateway
    finally:
        gateway.stop()


@asynccontextmanager
async def driving(gateway: Gateway, **settings: Any) -> AsyncIterator[Fleet]:
    fleet = Fleet(FleetSettings(port=gateway.listener_port, settle_s=60, **settings))
    stop = asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet
    finally:
        stop.set()
        await running


def written(fleet: Fleet) -> list[tuple[Tracker, Record]]:
    return [(tracker, record) for tracker in fleet.trackers for record in tracker.records if record.writes]


async def rows_of(gateway: Gateway) -> Counter[tuple[str, int]]:
    connection = await asyncpg.connect(gateway.database_url)
    try:
        rows = await connection.fetch("SELECT device_id, odometer_m FROM fleet.reports")
    finally:
        await connection.close()
    return Counter((row["device_id"], row["odometer_m"]) for row in rows)


async def settled(gateway: Gateway) -> Counter[tuple[str, int]]:
    """The rows once ingest has stored all that Kafka holds; nobody publishes any more."""
    published = await gateway.uplinks_published()
    await eventually(gateway.uplinks_ingested, published, timeout_s=120)
    return await rows_of(gateway)


def accounted_for(tracker: Tracker, record: Record) -> bool:
    """Whether a report that is missing was lost where nothing can be confirmed: a datagram, or a link that died with its listener."""
    in_flight = record.link_lost_at is not None and record.link_lost_at - record.written_at < IN_FLIGHT_S
    return tracker.transport == "udp" or in_flight


async def restart(process: ServerProcess, *, away_s: float) -> None:
    """Kill -9, leave it away for a while, start it again."""
    process.kill()
    await asyncio.sleep(away_s)
    await asyncio.to_thread(process.start)


async def test_whatever_is_killed_every_confirmed_report_is_stored_exactly_once(
    gateway: Gateway, kafka: Kafka, postgres: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    victims = (*gateway.listeners, gateway.ingest, kafka, gateway.commander, gateway.api, postgres)
    async with driving(gateway, count=TRACKERS, interval_s=1.0, transport="mixed", confirmed_share=0.7) as fleet:
        await eventually(lambda: rows_of(gateway), lambda rows: len({device for device, _ in rows}) == TRACKERS)
        for victim in victims:
            made = len(written(fleet))
            await restart(victim, away_s=2.0)
            await eventually(
                lambda: asyncio.sleep(0, len(written(fleet))), lambda now, made=made: now > made + TRACKERS
            )
    rows = await settled(gateway)
    sent = written(fleet)
    missing = [(tracker, record) for tracker, record in sent if not rows[tracker.device_id, record.odometer_m]]
    confirmed = [(tracker, record) for tracker, record in sent if record.confirmed]
    with capsys.disabled():
        print(
            f"\n{len(sent)} reports written, {len(confirmed)} confirmed, {fleet.reconnects} reconnects, {rows.total()} stored,"
            f" missing: {sum(tracker.transport == 'udp' for tracker, _ in missing)} datagrams,"
            f" {sum(tracker.transport == 'tcp' for tracker, _ in missing)} on links that died"
        )

    assert [(t.device_id, r.odometer_m) for t, r in missing if r.confirmed] == []
    assert [(t.device_id, r.odometer_m) for t, r in missing if not accounted_for(t, r)] == []
    assert [key for key, count in rows.items() if count > 1] == []
    assert confirmed


async def test_trackers_of_a_killed_listener_come_back_on_the_other_and_obey(gateway: Gateway) -> None:
    async with gateway.client() as client, driving(gateway, count=20, interval_s=0.5, dialect="ascii") as fleet:
        await eventually(
            lambda: rows_of(gateway), lambda rows: len({device for device, _ in rows}) == len(fleet.trackers)
        )
        gateway.listeners[0].kill()
        for tracker in fleet.trackers:
            answer = await client.post(f"/v1/devices/{tracker.device_id}/commands", json={"type": "identify"})
            command_id = answer.json()["command_id"]

            async def state(command_id: str = command_id) -> str:
                return str((await client.get(f"/v1/commands/{command_id}")).json()["state"])

            await eventually(state, "acknowledged", timeout_s=60)

        assert all(tracker.commands for tracker in fleet.trackers)


async def test_while_kafka_is_away_nothing_is_confirmed_and_everything_recovers(
    tmp_path: Path, kafka: Kafka, make_database: Callable[[], str], capsys: pytest.CaptureFixture[str]
) -> None:
    gateway = Gateway(tmp_path, kafka_servers=kafka.bootstrap_servers, database_url=make_database())
    gateway.listener_settings = {"LISTENER_BUS_AWAY_LIMIT_S": "3", "LISTENER_MAX_PENDING_BYTES": str(2 * 1024 * 1024)}
    try:
        gateway.start()
        memory = psutil.Process(gateway.listener.pid)
        async with driving(
            gateway, count=100, interval_s=0.1, dialect="ascii", confirmed_share=1.0, first_number=7000
        ) as fleet:
            await eventually(lambda: rows_of(gateway), lambda rows: len({device for device, _ in rows}) == 100)
            before = memory.memory_info().rss
            await asyncio.to_thread(kafka.kill)
            await eventually(lambda: asyncio.to_thread(gateway.listener.is_ready), operator.not_)
            confirmed = sum(record.confirmed for tracker in fleet.trackers for record in tracker.records)
            await eventually(lambda: asyncio.sleep(0, fleet.reconnects), lambda closed: closed >= len(fleet.trackers))
            during = memory.memory_info().rss
            still = sum(record.confirmed for tracker in fleet.trackers for record in tracker.records)
            await asyncio.to_thread(kafka.start)
            await eventually(lambda: asyncio.to_thread(gateway.listener.is_ready), bool)
            await eventually(lambda: asyncio.sleep(0, fleet.links), 100)
        rows = await settled(gateway)
    finally:
        gateway.stop()
    with capsys.disabled():
        print(f"\nlistener while Kafka is away: {before / 2**20:.1f} MiB before, {during / 2**20:.1f} MiB at the end")

    assert still == confirmed
    sent = [(tracker, record) for tracker, record in written(fleet) if record.confirmed]
    assert [(t.device_id, r.odometer_m) for t, r in sent if rows[t.device_id, r.odometer_m] != 1] == []
    assert all(not tracker.memory for tracker in fleet.trackers)
