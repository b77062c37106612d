"""A week of 500 trackers with resends, late uploads, clock faults and doubled datagrams; then the topic replayed twice.

The store must hold every report of the trackers' own record once, and stay equal, row by row, through both replays.
"""

import asyncio
import random
import socket
import time
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.gateway import Gateway
from tests.load.bench import Bench, bench, figure

from vt600_bus.topics import UPLINKS
from vt600_simulator.identity import imei, serial_number
from vt600_simulator.tracker import Record, Tracker

TRACKERS = 500
DAYS = 7
EVERY = timedelta(minutes=10)
_UDP_ONE_IN = 5
_RESENT_SHARE = 0.05
_FAULTY_SHARE = 0.005
_KILL_EVERY_S = 5.0
_DATAGRAMS_AT_ONCE = 40
_TABLES = ("reports", "frames", "latest_positions")


@dataclass(slots=True)
class Unit:
    """A tracker, its reports in the order in which they are sent (some of them twice), and how many of them are different."""

    tracker: Tracker
    frames: list[bytes]
    reports: int


def run() -> None:
    units = [_make(number) for number in range(TRACKERS)]
    reports, sent = sum(unit.reports for unit in units), sum(len(unit.frames) for unit in units)
    with bench() as servers:
        gateway = servers.gateway
        gateway.start()
        began = time.monotonic()
        asyncio.run(_send(gateway, units))
        published = asyncio.run(gateway.uplinks_published())
        asyncio.run(_until_ingested(gateway, published))
        figure(f"{TRACKERS} trackers, {DAYS} days: different reports / frames sent", f"{reports:,} / {sent:,}")
        figure("  all stored after", f"{time.monotonic() - began:.0f} s")
        rows = servers.query("SELECT count(*) FROM fleet.reports")
        different = servers.query("SELECT count(DISTINCT (device_id, odometer_m)) FROM fleet.reports")
        figure("  rows / different reports stored", f"{rows:,} / {different:,}", "equal to the trackers' own record")
        figure("  marked late / with a suspect time", _counts(servers))
        suspect = "SELECT count(*) FROM fleet.latest_positions WHERE flags @> '{device_time_suspect}'"
        figure("  latest positions with a suspect time", f"{servers.query(suspect)}", "0")
        before = _checksums(servers)
        for name, kill in (("replay from the beginning", False), ("replay with ingest killed every 5 s", True)):
            seconds, kills = _replay(gateway, published, kill=kill)
            same = "equal" if _checksums(servers) == before else "DIFFERENT"
            figure(f"  {name}: {published:,} records in", f"{seconds:.0f} s, {kills} kills")
            figure("    checksums of reports, frames, latest positions", same, "equal")


def _make(number: int) -> Unit:
    """A week of one tracker, on a Monday to Sunday that is over."""
    chance = random.Random(number)  # noqa: S311 - a simulation
    dialect, transport = ("binary", "ascii")[number % 2], "udp" if number % _UDP_ONE_IN == 0 else "tcp"
    identity = serial_number(number) if dialect == "binary" else imei(number)
    tracker = Tracker(
        identity,
        "binary" if dialect == "binary" else "ascii",
        "udp" if transport == "udp" else "tcp",
        confirmed_mode=chance.random() < 0.5,
        interval_s=EVERY.total_seconds(),
        seed=number,
    )
    start = datetime.now(UTC).replace(hour=0, minute=0, second=number % 60, microsecond=0) - timedelta(days=DAYS + 1)
    records = [_faulty(tracker.make_record(start + at * EVERY, linked=True), chance) for at in range(DAYS * 144)]
    for _ in range(3):  # three times without network: what was kept comes in the middle of what is new
        at = chance.randrange(len(records) - 200)
        kept = records[at : at + 50]
        del records[at : at + 50]
        records[at + 100 : at + 100] = kept
    frames = [tracker.frame(record) for record in records]
    again = [tracker.frame(record) for record in chance.sample(records, int(len(records) * _RESENT_SHARE))]
    for frame in again:
        frames.insert(chance.randrange(len(frames)), frame)
    if transport == "udp":
        frames = [frame for frame in frames for _ in range(2)]
    return Unit(tracker, frames, len(records))


def _faulty(record: Record, chance: random.Random) -> Record:
    """A clock that lost its mind, now and then."""
    if chance.random() < _FAULTY_SHARE:
        year = chance.choice((1999, 2079))
        moment = record.report.device_time or datetime.now(UTC)
        record.report = replace(record.report, device_time=moment.replace(year=year, month=8, day=22))
    return record


async def _send(gateway: Gateway, units: list[Unit]) -> None:
    tcp = [unit for unit in units if unit.tracker.transport == "tcp"]
    udp = [frame for unit in units if unit.tracker.transport == "udp" for frame in unit.frames]
    for at in range(0, len(tcp), 50):
        await asyncio.gather(*(_upload(gateway.listener_port, unit.frames) for unit in tcp[at : at + 50]))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for at in range(0, len(udp), _DATAGRAMS_AT_ONCE):
            for frame in udp[at : at + _DATAGRAMS_AT_ONCE]:
                sender.sendto(frame, ("127.0.0.1", gateway.listener_port))
            await asyncio.sleep(0.01)  # datagrams that come faster than they are read are lost
    await asyncio.sleep(1)


async def _upload(port: int, frames: list[bytes]) -> None:
    """All frames over one link; answers are read and not looked at; the listener hangs up when it has read all."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    reading = asyncio.create_task(_read_to_end(reader))
    for at in range(0, len(frames), 50):
        writer.write(b"".join(frames[at : at + 50]))
        await writer.drain()
    writer.write_eof()
    await reading
    writer.close()
    await writer.wait_closed()


async def _read_to_end(reader: asyncio.StreamReader) -> None:
    while await reader.read(65_536):
        pass


async def _until_ingested(gateway: Gateway, total: int) -> None:
    while await gateway.uplinks_ingested() < total:
        await asyncio.sleep(0.1)


def _counts(servers: Bench) -> str:
    late = servers.query("SELECT count(*) FROM fleet.reports WHERE late")
    suspect = servers.query("SELECT count(*) FROM fleet.reports WHERE flags @> '{device_time_suspect}'")
    return f"{late:,} / {suspect:,}"


def _checksums(servers: Bench) -> list[str]:
    """Of every row of the tables; the order of the rows does not matter."""
    query = "SELECT count(*)::text || ' ' || coalesce(sum(hashtextextended(t::text, 0)), 0)::text FROM fleet.{} t"
    return [str(servers.query(query.format(table))) for table in _TABLES]


def _replay(gateway: Gateway, total: int, *, kill: bool) -> tuple[float, int]:
    """Read the whole topic again; seconds, and how often ingest was killed meanwhile."""
    gateway.ingest.stop()
    asyncio.run(_rewind(gateway))
    gateway.ingest.start()
    began = started = time.monotonic()
    kills = 0
    while asyncio.run(gateway.uplinks_ingested()) < total:
        if kill and time.monotonic() - started > _KILL_EVERY_S:
            kills += 1
            gateway.ingest.kill()
            gateway.ingest.start()
            started = time.monotonic()  # ready again: the group waits for the dead one's session to end
        time.sleep(0.2)
    return time.monotonic() - began, kills


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
