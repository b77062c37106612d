"""Hours and days: what it takes to work them out beside the trips of the same passes, and to read them over REST."""

import asyncio
import http.client
import random
from collections.abc import Callable
from datetime import timedelta
from urllib.parse import urlencode

import asyncpg
import httpx
from tests.gateway import eventually
from tests.load.bench import Bench, bench, figure, percentiles
from tests.load.history_speed import ASKED, DEVICES, LAST_DAY, PER_DAY, Question, ask, fill

DAYS = 31
_MARK_ALL = """
INSERT INTO fleet.trip_work (device_id, since, until) SELECT device_id, $1, device_time FROM fleet.latest_positions
"""
# A report of each device in the middle of an hour, one second behind the one that is there, which comes now.
_REPORT = """
WITH told AS (
    INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, latitude, longitude, speed_kmh,
        ignition, late)
    SELECT DISTINCT ON (device_id) device_id, device_time + interval '1 second', gen_random_uuid(), now(), 'binary', 'position', true,
        latitude, longitude, speed_kmh, ignition, true
    FROM fleet.reports WHERE device_time >= $1::timestamptz AND device_time < $1::timestamptz + interval '1 hour'
    ORDER BY device_id, device_time DESC
    RETURNING device_id, device_time
)
INSERT INTO fleet.trip_work (device_id, since, until) SELECT device_id, device_time, device_time FROM told
"""
_LEFT = (
    "SELECT (SELECT count(*) FROM fleet.trip_work) + (SELECT count(*) FROM fleet.trip_states WHERE since IS NOT NULL)"
)


def run() -> None:
    with bench() as servers:
        servers.gateway.start()
        servers.gateway.trips.stop()
        asyncio.run(fill(servers.database_url, DAYS, trips=False))
        store = "TimescaleDB" if servers.has_timescale else "PostgreSQL"
        figure(f"{store}: reports of {DEVICES} devices, {DAYS} days", f"{DAYS * DEVICES * PER_DAY:,}")
        begin = LAST_DAY - timedelta(days=DAYS - 1)
        trips_s, summaries_s, _ = asyncio.run(_work_off(servers, _MARK_ALL, begin))
        hours = int(servers.query("SELECT count(*) FROM fleet.device_hours"))
        figure("  all of it: device hours/s", f"{hours / summaries_s:,.0f}")
        figure("  all of it: time for hours and days to that for trips", f"{summaries_s / trips_s:.0%}")
        for name, hour in (
            ("a new report of each", LAST_DAY + timedelta(hours=23)),
            ("a late report of each", LAST_DAY - timedelta(days=10) + timedelta(hours=12)),
        ):
            trips_s, summaries_s, passes = asyncio.run(_work_off(servers, _REPORT, hour))
            figure(
                f"  {name}: ms a device, trips / hours and days",
                f"{trips_s / passes * 1000:.1f} / {summaries_s / passes * 1000:.1f}",
            )
        size = int(servers.query("SELECT pg_total_relation_size('fleet.device_hours')"))
        figure("  size of a device hour with its indexes", f"{size / hours:,.0f} bytes")
        servers.query("VACUUM ANALYZE")
        _read(servers)


async def _work_off(servers: Bench, statement: str, *values: object) -> tuple[float, float, float]:
    """Make work for the process and let it do it: seconds for trips, seconds for hours and days, passes."""
    connection = await asyncpg.connect(servers.database_url)
    await connection.execute(statement, *values)
    trips = servers.gateway.trips
    await asyncio.to_thread(trips.start)
    await eventually(lambda: connection.fetchval(_LEFT), 0, timeout_s=1800)
    await connection.close()
    async with httpx.AsyncClient() as client:
        text = (await client.get(f"http://127.0.0.1:{trips.probes_port}/metrics")).text
    await asyncio.to_thread(trips.stop)
    metrics = {
        name: float(value) for name, value in (line.rsplit(" ", 1) for line in text.splitlines() if line[0] != "#")
    }
    summaries_s = metrics["vt600_trips_summary_seconds_sum"]
    return (
        metrics["vt600_trips_pass_seconds_sum"] - summaries_s,
        summaries_s,
        metrics["vt600_trips_pass_seconds_count"],
    )


def _read(servers: Bench) -> None:
    chance = random.Random(1)  # noqa: S311 - a simulation
    kinds: tuple[tuple[str, Callable[[], Question]], ...] = (
        ("a month of one device by days", lambda: _question(f"devices/{_device(chance)}/summaries", "day", DAYS)),
        ("a month of one device by hours", lambda: _question(f"devices/{_device(chance)}/summaries", "hour", DAYS)),
        (f"a day of all {DEVICES}", lambda: _question("summaries", "day", 1, chance.randrange(DAYS))),
    )
    link = http.client.HTTPConnection("127.0.0.1", servers.gateway.api_port, timeout=60)
    for name, make in kinds:
        times = [ask(link, servers, make())[0] for _ in range(ASKED + 20)][20:]
        figure(f"  {name}", percentiles(times))
    link.close()


def _device(chance: random.Random) -> int:
    return 14310000001 + chance.randrange(DEVICES)


def _question(path: str, every: str, days: int, back: int = 0) -> Question:
    end = LAST_DAY + timedelta(days=1 - back)
    span = {"from": (end - timedelta(days=days)).isoformat(), "to": end.isoformat()}
    return "GET", f"/v1/{path}?{urlencode({'every': every, 'limit': 1000, **span})}", None
