"""Trips and stops in the store: worked out behind ingest, repaired by late data, the same however often and by how many."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from vt600_api.trips import store
from vt600_api.trips.rules import Segmenter
from vt600_api.trips.spans import Rules
from vt600_api.trips.tables import stop_row, trip_row
from vt600_bus.records import Uplink

from .trip_workers import RULES, Workers

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
ON, OFF = 4, 0  # input 3 of a binary unit is the ignition
LEFT = (
    "SELECT (SELECT count(*) FROM fleet.trip_work) + (SELECT count(*) FROM fleet.trip_states WHERE since IS NOT NULL)"
)

MakeUplink = Callable[..., Uplink]
Ingest = Callable[..., Awaitable[None]]
Drive = Callable[..., list[Uplink]]


@pytest.fixture
async def workers(fleet_url: str, database: asyncpg.Connection) -> AsyncIterator[Workers]:
    """On a store in which nothing is left to do for other tests' devices."""
    await database.execute("TRUNCATE fleet.trip_work, fleet.trip_states, fleet.trips, fleet.stops")
    async with Workers(fleet_url) as made:
        yield made


@pytest.fixture
def drive(make_uplink: MakeUplink) -> Drive:
    """Reports every 30 s from `start` to `end`, seconds behind noon; 40 km/h with the ignition on."""

    def drive(start: int, end: int, **fields: Any) -> list[Uplink]:
        return [make_uplink(at, inputs=ON, odometer_m=at * 11, **fields) for at in range(start, end, 30)]

    return drive


@pytest.fixture
def park(make_uplink: MakeUplink) -> Drive:
    """Reports every minute from `start` to `end` with the ignition off, at the place of the first."""

    def park(start: int, end: int) -> list[Uplink]:
        place = {"latitude": 22.5 + start / 1e4, "speed_kmh": 0.0, "odometer_m": start * 11}
        return [make_uplink(at, inputs=OFF, **place) for at in range(start, end, 60)]

    return park


async def rows(database: asyncpg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    """All of both tables, in the order of time, a number of the table first."""
    found = [
        (number, *row)
        for number, table in enumerate(("trips", "stops"))
        for row in await database.fetch(f"SELECT * FROM fleet.{table} WHERE device_id = $1", device_id)  # noqa: S608
    ]
    return sorted(found, key=lambda row: (row[2], row[0]))


async def spans(database: asyncpg.Connection, device_id: str) -> list[tuple[str, int, int | None]]:
    """Kind, beginning and end in seconds behind noon."""
    return [
        (
            "stop" if row[0] else "trip",
            round((row[2] - NOON).total_seconds()),
            None if row[3] is None else round((row[3] - NOON).total_seconds()),
        )
        for row in await rows(database, device_id)
    ]


async def worked_out_at_once(database: asyncpg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    """What the rules give for all reports in the store, as rows."""
    segmenter, place = Segmenter(RULES), store.NOWHERE
    while moments := await store.next_moments(database, device_id, place, inclusive=False):
        for moment in moments:
            segmenter.feed(moment)
        place = moments[-1].device_time, moments[-1].frame_id
    segments = [*segmenter.closed, *([segmenter.running] if segmenter.running else [])]
    made = [(0, *trip_row(device_id, s)) if s.kind == "trip" else (1, *stop_row(device_id, s)) for s in segments]
    return sorted(made, key=lambda row: (row[2], row[0]))


async def assert_as_a_whole(database: asyncpg.Connection, device_id: str) -> None:
    def plain(found: Sequence[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
        return [
            tuple(getattr(value, "hex", value) if isinstance(value, uuid.UUID) else value for value in row)
            for row in found
        ]

    assert plain(await rows(database, device_id)) == plain(await worked_out_at_once(database, device_id))


async def test_trips_follow_the_reports(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, drive: Drive, park: Drive
) -> None:
    worker = workers.make()
    day = [*park(0, 600), *drive(600, 1800), *park(1800, 3000), *drive(3000, 3300)]
    for at in range(0, len(day), 7):
        await ingest(*day[at : at + 7])
        await worker.round()

    assert await spans(database, device_id) == [
        ("stop", 0, 600),
        ("trip", 600, 1800),
        ("stop", 1800, 3000),
        ("trip", 3000, None),
    ]
    await assert_as_a_whole(database, device_id)
    assert workers.passes("repaired") == 0


@pytest.mark.parametrize(
    ("first", "late", "before", "after"),
    [
        pytest.param(
            [("drive", 0, 900), ("drive", 2600, 3600)],
            ("park", 900, 2600),
            [("trip", 0, None)],
            [("trip", 0, 900), ("stop", 900, 2600), ("trip", 2600, None)],
            id="a stop splits a trip",
        ),
        pytest.param(
            [("drive", 0, 900), ("drive", 3600, 4500)],
            ("drive", 900, 3600),
            [("trip", 0, 870), ("trip", 3600, None)],
            [("trip", 0, None)],
            id="the missing part joins two trips",
        ),
        pytest.param(
            [("park", 0, 600), ("park", 1800, 3600)],
            ("drive", 600, 1800),
            [("stop", 0, None)],
            [("stop", 0, 600), ("trip", 600, 1800), ("stop", 1800, None)],
            id="a trip within a stop",
        ),
        pytest.param(
            [("drive", 900, 1800), ("park", 1800, 3600)],
            ("drive", 0, 900),
            [("trip", 900, 1800), ("stop", 1800, None)],
            [("trip", 0, 1800), ("stop", 1800, None)],
            id="a trip began earlier",
        ),
    ],
)
async def test_late_reports_put_trips_right(
    workers: Workers,
    ingest: Ingest,
    database: asyncpg.Connection,
    device_id: str,
    drive: Drive,
    park: Drive,
    first: list[tuple[str, int, int]],
    late: tuple[str, int, int],
    before: list[Any],
    after: list[Any],
) -> None:
    def reports(kind: str, start: int, end: int) -> list[Uplink]:
        return (drive if kind == "drive" else park)(start, end)

    worker = workers.make()
    await ingest(*(one for part in first for one in reports(*part)))
    await worker.round()
    assert await spans(database, device_id) == before

    await ingest(*reversed(reports(*late)))
    await worker.round()

    assert await spans(database, device_id) == after
    await assert_as_a_whole(database, device_id)


async def test_only_the_span_that_changed_is_read_and_written(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, drive: Drive, park: Drive
) -> None:
    days = [one for at in range(0, 360_000, 3600) for one in (*drive(at, at + 1800), *park(at + 1800, at + 3600))]
    missing = days[5000:5003]
    await ingest(*(one for one in days if one not in missing))
    await workers.make().round()
    stamps = "SELECT started_at, xmin::text FROM fleet.trips WHERE device_id = $1 UNION ALL SELECT started_at, xmin::text FROM fleet.stops WHERE device_id = $1"
    before = {row[0]: row[1] for row in await database.fetch(stamps, device_id)}

    await ingest(*missing)
    await workers.make().round()

    after = {row[0]: row[1] for row in await database.fetch(stamps, device_id)}
    assert workers.passes("repaired") == 1
    assert (workers.registry.get_sample_value("vt600_trips_reports_total") or 0) <= store.REPORTS_AT_ONCE
    assert len([time for time, stamp in after.items() if before.get(time) != stamp]) <= 2
    await assert_as_a_whole(database, device_id)


async def test_a_replay_changes_nothing_and_marks_nobody(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, drive: Drive, park: Drive
) -> None:
    day = [*park(0, 600), *drive(600, 1800), *park(1800, 3000)]
    await ingest(*day)
    await workers.make().round()
    before = await rows(database, device_id)

    await ingest(*day)

    assert await database.fetchval("SELECT count(*) FROM fleet.trip_work") == 0
    await workers.make().round()
    assert await rows(database, device_id) == before


async def test_a_clock_that_is_wrong_makes_no_trip(
    workers: Workers,
    ingest: Ingest,
    database: asyncpg.Connection,
    device_id: str,
    drive: Drive,
    make_uplink: MakeUplink,
) -> None:
    worker = workers.make()
    await ingest(*drive(0, 600), make_uplink(90 * 86_400, arrived=600, inputs=ON), *drive(600, 900))
    await worker.round()

    assert await spans(database, device_id) == [("trip", 0, None)]
    await assert_as_a_whole(database, device_id)


async def test_several_workers_share_the_devices_and_one_may_be_killed_anywhere(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, drive: Drive, park: Drive
) -> None:
    devices = [f"{device_id}{number}" for number in range(40)]
    day = [one for at in range(0, 14_400, 3600) for one in (*drive(at, at + 1800), *park(at + 1800, at + 3600))]
    late = day[100:150]

    async def ingest_of_all(uplinks: list[Uplink]) -> None:
        await ingest(*(structs.replace(one, device_id=each) for one in uplinks for each in devices))

    pair = [workers.make(), workers.make()]
    await ingest_of_all([one for one in day if one not in late])
    await asyncio.gather(*(worker.round() for worker in pair))
    for part in range(0, 50, 10):
        await ingest_of_all(late[part : part + 10])
        killed, other = (asyncio.create_task(worker.round()) for worker in pair)
        async with asyncio.timeout(20):
            while await database.fetchval(LEFT) > 30:
                pass
        killed.cancel()
        await asyncio.wait({killed, other})
    await asyncio.gather(*(worker.round() for worker in pair))

    assert await database.fetchval(LEFT) == 0
    for each in devices:
        await assert_as_a_whole(database, each)
        assert len(await spans(database, each)) == 8


async def test_other_rules_are_applied_to_all_history_once(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, drive: Drive, park: Drive
) -> None:
    await ingest(*drive(0, 600), *park(600, 1200), *drive(1200, 1800), *park(1800, 5400))
    await workers.make().round()
    assert len(await spans(database, device_id)) == 4

    longer = Rules(stop_min_s=1500)
    await workers.make(longer).round()
    assert await spans(database, device_id) == [("trip", 0, 1800), ("stop", 1800, None)]
    assert workers.passes("rebuilt") == 1

    await workers.make(longer).round()
    assert workers.passes("rebuilt") == 0


async def test_what_retention_has_taken_the_reports_of_stays(
    workers: Workers, ingest: Ingest, database: asyncpg.Connection, device_id: str, drive: Drive, park: Drive
) -> None:
    await ingest(*drive(0, 1800), *park(1800, 3600), *drive(3600, 5400), *park(5400, 9000))
    await workers.make().round()
    edge = NOON + timedelta(seconds=6000)
    await database.execute("DELETE FROM fleet.reports WHERE device_id = $1 AND device_time < $2", device_id, edge)

    await ingest(*drive(6600, 7800), *drive(-7200, -6600))
    await workers.make().round()

    assert await spans(database, device_id) == [
        ("trip", -7200, -6630),
        ("trip", 0, 1800),
        ("stop", 1800, 3600),
        ("trip", 3600, 5400),
        ("stop", 5400, 6000),
        ("stop", 6000, 6600),
        ("trip", 6600, 7800),
        ("stop", 7800, None),
    ]
