"""Hours and days in the store, worked out behind ingest with the trips."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest

from vt600_api.trips.spans import Rules
from vt600_bus.records import Uplink

from .trip_workers import Workers

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ON, OFF = 4, 0  # input 3 of a binary unit is the ignition

MakeUplink = Callable[..., Uplink]
Ingest = Callable[..., Awaitable[None]]
Row = dict[str, Any]


@pytest.fixture
async def workers(fleet_url: str, database: asyncpg.Connection) -> AsyncIterator[Workers]:
    """On a store in which nothing is left to do for other tests' devices."""
    await database.execute("TRUNCATE fleet.trip_work, fleet.trip_states, fleet.trips, fleet.stops")
    async with Workers(fleet_url) as made:
        yield made


@pytest.fixture
def drive(make_uplink: MakeUplink) -> Callable[[int, int], list[Uplink]]:
    """Reports every 30 s from `start` to `end`, seconds behind noon; 40 km/h with the ignition on."""
    return lambda start, end: [make_uplink(at, inputs=ON) for at in range(start, end, 30)]


async def hours(database: asyncpg.Connection, device_id: str) -> dict[int, Row]:
    """By their number behind noon."""
    rows = await database.fetch("SELECT * FROM fleet.device_hours WHERE device_id = $1 ORDER BY start", device_id)
    return {round((row["start"] - NOON) / timedelta(hours=1)): dict(row) for row in rows}


async def test_hours_and_days_follow_the_reports(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, make_uplink: MakeUplink
) -> None:
    drive = [make_uplink(at, inputs=ON) for at in range(3000, 4200, 30)]
    idle = [make_uplink(at, inputs=ON, speed_kmh=0.0, latitude=22.92) for at in range(4200, 4800, 30)]
    off = [make_uplink(4800, inputs=OFF, speed_kmh=0.0, latitude=22.92, kind="alarm", event="ignition_off")]
    await ingest(*drive, *idle, *off)
    await workers.make().round()
    first, second = (await hours(database, device_id)).values()
    (day,) = await database.fetch("SELECT * FROM fleet.device_days WHERE device_id = $1", device_id)

    assert (first["moving_s"], first["idle_s"], first["ignition_s"]) == (600, 0, 600)
    assert (second["moving_s"], second["idle_s"], second["ignition_s"]) == (600, 600, 1200)
    assert first["distance_m"] == pytest.approx(600 / 1e4 * 111_195, rel=1e-4)
    assert (first["top_speed_kmh"], first["mean_speed_kmh"], first["reports"], second["alarms"]) == (40, 40, 20, 1)
    assert (first["first_time"], second["last_time"]) == (
        NOON + timedelta(seconds=3000),
        NOON + timedelta(seconds=4800),
    )
    assert day["start"] == NOON.replace(hour=0)
    assert day["distance_m"] == first["distance_m"] + second["distance_m"]
    assert (day["moving_s"], day["idle_s"], day["reports"], day["alarms"]) == (1200, 600, 61, 1)
    assert (day["first_latitude"], day["last_latitude"]) == (22.8, 22.92)


async def test_a_late_report_puts_right_its_hour_and_those_it_reaches(
    workers: Workers,
    ingest: Ingest,
    database: asyncpg.Connection,
    device_id: str,
    drive: Callable[[int, int], list[Uplink]],
) -> None:
    reports = drive(0, 4 * 3600)
    late = [one for one in reports if 3500 <= (one.received_at - NOON).total_seconds() < 7300]
    await ingest(*(one for one in reports if one not in late))
    worker = workers.make()
    await worker.round()
    before = await hours(database, device_id)
    stamp = "SELECT xmin::text FROM fleet.device_hours WHERE device_id = $1 ORDER BY start DESC LIMIT 1"
    written = await database.fetchval(stamp, device_id)
    await ingest(*late)
    await worker.round()
    after = await hours(database, device_id)

    assert list(before) == [0, 2, 3]
    assert {number: row["moving_s"] for number, row in after.items()} == {0: 3600, 1: 3600, 2: 3600, 3: 3570}
    assert after[3] == before[3]
    assert await database.fetchval(stamp, device_id) == written


async def test_what_retention_has_taken_the_reports_of_stays(
    workers: Workers,
    ingest: Ingest,
    database: asyncpg.Connection,
    device_id: str,
    drive: Callable[[int, int], list[Uplink]],
    make_uplink: MakeUplink,
) -> None:
    await ingest(*drive(0, 4 * 3600))
    worker = workers.make()
    await worker.round()
    before = await hours(database, device_id)
    of_day = "SELECT reports FROM fleet.device_days WHERE device_id = $1"
    reports = await database.fetchval(of_day, device_id)
    edge = NOON + timedelta(hours=2, minutes=1)
    await database.execute("DELETE FROM fleet.reports WHERE device_id = $1 AND device_time < $2", device_id, edge)
    await ingest(make_uplink(1815), make_uplink(7215), make_uplink(10_815, kind="alarm"))
    await workers.make(Rules(moving_kmh=50)).round()
    after = await hours(database, device_id)

    assert [after[number] for number in (0, 1, 2)] == [before[number] for number in (0, 1, 2)]
    assert (before[3]["moving_s"], after[3]["moving_s"], after[3]["alarms"]) == (3570, 0, 1)
    assert await database.fetchval(of_day, device_id) == reports + 1


async def test_other_rules_are_applied_to_all_history(
    workers: Workers,
    ingest: Ingest,
    database: asyncpg.Connection,
    device_id: str,
    drive: Callable[[int, int], list[Uplink]],
) -> None:
    await ingest(*drive(0, 3600), *drive(40 * 86_400, 40 * 86_400 + 3600))
    await workers.make().round()
    before = await hours(database, device_id)
    await workers.make(Rules(moving_kmh=50)).round()
    after = await hours(database, device_id)

    assert [row["moving_s"] for row in before.values()] == [3570, 3570]
    assert [row["moving_s"] for row in after.values()] == [0, 0]


async def test_a_store_of_before_is_filled_when_the_process_starts(
    workers: Workers,
    ingest: Ingest,
    database: asyncpg.Connection,
    device_id: str,
    drive: Callable[[int, int], list[Uplink]],
) -> None:
    await ingest(*drive(0, 7200))
    await workers.make().round()
    wanted = await hours(database, device_id)
    await database.execute("DELETE FROM fleet.device_hours WHERE device_id = $1", device_id)
    of_before = (
        """UPDATE fleet.trip_states SET rules = replace(rules, '"version":2', '"version":1') WHERE device_id = $1"""
    )
    assert await database.execute(of_before, device_id) == "UPDATE 1"
    await workers.make().round()

    assert wanted
    assert await hours(database, device_id) == wanted
