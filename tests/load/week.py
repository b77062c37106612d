"""A week of 500 trackers with resends, late uploads, clock faults and doubled datagrams; then the topic replayed twice.

A part of the uploads comes when the chunks of that week are compressed already, where the server has TimescaleDB. The store must hold
every report of the trackers' own record once, as they measured it, and stay equal, row by row, through both replays.
"""

import asyncio
import time
from collections import Counter
from datetime import datetime

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.gateway import Gateway
from tests.load.bench import Bench, bench, figure
from tests.load.week_fleet import DAYS, TRACKERS, Unit, make_unit, send, upload_kept

from vt600_bus.topics import UPLINKS
from vt600_simulator.tracker import Record

_KILL_EVERY_S = 5.0
_TABLES = ("reports", "frames", "latest_positions", "trips", "stops")
_SIZED = ("reports", "frames")
_STORED = "SELECT device_id, device_time, latitude, longitude, odometer_m FROM fleet.reports"
_UNSETTLED = (
    "SELECT (SELECT count(*) FROM fleet.trip_work) + (SELECT count(*) FROM fleet.trip_states WHERE since IS NOT NULL)"
)
_COMPRESS = "SELECT count(compress_chunk(chunk)) FROM show_chunks('fleet.{}') chunk"


def run() -> None:
    units = [make_unit(number) for number in range(TRACKERS)]
    reports = sum(len(unit.tracker.records) for unit in units)
    sent, kept = sum(len(unit.frames) for unit in units), sum(len(unit.kept) for unit in units)
    with bench() as servers:
        gateway = servers.gateway
        gateway.start()
        figure("store", "TimescaleDB" if servers.has_timescale else "plain PostgreSQL")
        figure(f"{TRACKERS} trackers, {DAYS} days: different reports / frames sent", f"{reports:,} / {sent + kept:,}")
        began = time.monotonic()
        asyncio.run(send(gateway.listener_port, units))
        _settle(servers)
        figure("  all but the kept ones stored, trips worked out, after", f"{time.monotonic() - began:.0f} s")
        _print_sizes(servers, "")
        if servers.has_timescale:
            chunks = sum(servers.query(_COMPRESS.format(table)) for table in _SIZED)
            _print_sizes(servers, f", {chunks} chunks compressed")
        began = time.monotonic()
        asyncio.run(upload_kept(gateway.listener_port, units))
        published = _settle(servers)
        figure(f"  {kept:,} kept reports of that week uploaded in", f"{time.monotonic() - began:.0f} s")
        _judge(servers, units)
        before = _checksums(servers)
        for name, kill in (("replay from the beginning", False), ("replay with ingest killed every 5 s", True)):
            seconds, kills = _replay(servers, kill=kill)
            same = "equal" if _checksums(servers) == before else "DIFFERENT"
            figure(f"  {name}: {published:,} records in", f"{seconds:.0f} s, {kills} kills")
            figure(f"    checksums of {', '.join(_TABLES)}", same, "equal")


def _judge(servers: Bench, units: list[Unit]) -> None:
    """The trackers' own record against the store, report by report."""
    stored = asyncio.run(_stored(servers.database_url))
    measured = {
        (unit.tracker.device_id, record.odometer_m): record for unit in units for record in unit.tracker.records
    }
    rows = Counter((row["device_id"], row["odometer_m"]) for row in stored)
    wrong = sum(
        not _agrees(measured[key], row) for row in stored if (key := (row["device_id"], row["odometer_m"])) in measured
    )
    figure("  rows stored / different reports measured", f"{len(stored):,} / {len(measured):,}", "equal")
    figure(
        "  missing / more than once / never measured / otherwise than measured",
        f"{len(measured.keys() - rows.keys())} / {sum(count > 1 for count in rows.values())}"
        f" / {len(rows.keys() - measured.keys())} / {wrong}",
        "0 / 0 / 0 / 0",
    )
    late = servers.query("SELECT count(*) FROM fleet.reports WHERE late")
    suspect = servers.query("SELECT count(*) FROM fleet.reports WHERE flags @> '{device_time_suspect}'")
    figure("  marked late / with a suspect time", f"{late:,} / {suspect:,}")
    leading = servers.query("SELECT count(*) FROM fleet.latest_positions WHERE flags @> '{device_time_suspect}'")
    figure("  latest positions with a suspect time", f"{leading}", "0")


def _agrees(record: Record, row: asyncpg.Record) -> bool:
    """The same moment and place, as finely as the wire tells them."""
    report, time_stored = record.report, row["device_time"]
    assert isinstance(report.device_time, datetime)
    return bool(
        abs((report.device_time - time_stored).total_seconds()) < 0.001
        and abs((report.latitude or 0.0) - row["latitude"]) < 2e-6
        and abs((report.longitude or 0.0) - row["longitude"]) < 2e-6
    )


async def _stored(url: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(url)
    try:
        found: list[asyncpg.Record] = await connection.fetch(_STORED)
        return found
    finally:
        await connection.close()


def _settle(servers: Bench) -> int:
    """Wait until all that Kafka holds is stored and its trips are worked out; how many records that are."""
    published = asyncio.run(servers.gateway.uplinks_published())
    while asyncio.run(servers.gateway.uplinks_ingested()) < published:
        time.sleep(0.1)
    while servers.query(_UNSETTLED):
        time.sleep(0.1)
    return published


def _print_sizes(servers: Bench, remark: str) -> None:
    for table in _SIZED:
        rows = servers.query(f"SELECT count(*) FROM fleet.{table}")  # noqa: S608 - a table of ours
        size = servers.size_of(table)
        figure(f"  {table}{remark}", f"{size / rows * 1e6 / 2**20:,.0f} MiB/million")


def _checksums(servers: Bench) -> list[str]:
    """Of every row of the tables; the order of the rows does not matter."""
    query = "SELECT count(*)::text || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM fleet.{} t"
    return [str(servers.query(query.format(table))) for table in _TABLES]


def _replay(servers: Bench, *, kill: bool) -> tuple[float, int]:
    """Read the whole topic again; seconds, and how often ingest was killed meanwhile."""
    gateway = servers.gateway
    gateway.ingest.stop()
    asyncio.run(_rewind(gateway))
    gateway.ingest.start()
    began = started = time.monotonic()
    kills = 0
    total = asyncio.run(gateway.uplinks_published())
    while asyncio.run(gateway.uplinks_ingested()) < total:
        if kill and time.monotonic() - started > _KILL_EVERY_S:
            kills += 1
            gateway.ingest.kill()
            gateway.ingest.start()
            started = time.monotonic()  # ready again: the group waits for the dead one's session to end
        time.sleep(0.2)
    seconds = time.monotonic() - began
    _settle(servers)
    return seconds, kills


async def _rewind(gateway: Gateway) -> None:
    """Put ingest's place back to the beginning; nobody else is in its group."""
    consumer = AIOKafkaConsumer(bootstrap_servers=gateway.kafka_servers, group_id="ingest", enable_auto_commit=False)
    await consumer.start()
    try:
        partitions = [TopicPartition(UPLINKS.name, number) for number in range(UPLINKS.partitions)]
        consumer.assign(partitions)
        await consumer.commit(await consumer.beginning_offsets(partitions))
    finally:
        await consumer.stop()
