"""Questions for a long history of 500 devices, over REST: how long they take, and what the history takes on disk.

The reports are made by the server itself, day by day, all devices in turns, as they would have arrived.
"""

import asyncio
import http.client
import itertools
import json
import random
import re
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import asyncpg
from tests.load.bench import Bench, bench, figure, percentiles

REPORTS = 5_000_000
DEVICES = 500
PER_DAY = 288  # every five minutes
ASKED = 200
LAST_DAY = datetime(2026, 11, 20, tzinfo=UTC)
_AT_ONCE = 2
_COMPRESS_BEFORE = timedelta(days=14)

_DEVICES = """
INSERT INTO fleet.devices (device_id, state, first_seen_at)
SELECT (14310000000 + n)::text, 'active', now() FROM generate_series(1, $1::int) n
"""
# A vehicle that stands at night and drives 200 km by day, each elsewhere; frame ids do not compress, as the real ones.
_DAY = """
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, event, fix_valid, latitude, longitude,
    speed_kmh, course_deg, altitude_m, hdop, satellites, odometer_m, mcc, mnc, lac, cell_id, csq, inputs, outputs, external_v,
    battery_v, analog_raw, ignition, late)
SELECT device_id, at, gen_random_uuid(), at + interval '1.2 seconds', 'binary', 'position', 'interval', true,
    north + 0.4 * sin(odometer_m * 0.00001), east + 0.4 * cos(odometer_m * 0.000013),
    CASE WHEN drives THEN 20 + (odometer_m * 7919 + number * 31) % 90 ELSE 0 END, CASE WHEN drives THEN odometer_m % 360 ELSE 0 END,
    40 + odometer_m % 50, 0.8 + (step % 5) / 10.0, 7 + step % 6, odometer_m, 460, 0, 9500 + odometer_m / 40000, 3700 + odometer_m / 9000,
    15 + step % 15, CASE WHEN drives THEN 4 ELSE 0 END, 0, CASE WHEN drives THEN 13.9 ELSE 12.5 END, 4.1,
    ARRAY[13 + step % 3, 2400, 0, 0], drives, false
FROM (
    SELECT device_id, number, step, drives, north, east, ($1::date - date '2025-01-01') * 200000::bigint + driven_m AS odometer_m,
        $1::timestamptz + make_interval(secs => step * 300 + number % 300) AS at
    FROM generate_series(0, 287) AS step,
        LATERAL (SELECT step BETWEEN 84 AND 203 AS drives, greatest(0, least(120, step - 83)) * 200000 / 120 AS driven_m) AS day,
        LATERAL (SELECT device_id, number, 20 + number % 23 AS north, 80 + number % 41 AS east
            FROM (SELECT device_id, row_number() OVER (ORDER BY device_id) AS number FROM fleet.devices) AS numbered) AS device
    ORDER BY step, number
) AS said
"""
_TRIPS = """
INSERT INTO fleet.trips (device_id, started_at, ended_at, last_report_at, certain_at, frame_id, reports, start_latitude,
    start_longitude, end_latitude, end_longitude, distance_m, odometer_m, top_speed_kmh, idle_s)
SELECT device_id, start, start + interval '1 hour', start + interval '1 hour', start, gen_random_uuid(), 12, 20, 80, 21, 81, 20000,
    20100, 90, 60
FROM fleet.devices, generate_series(0, 9) AS hour, LATERAL (SELECT $1::timestamptz + make_interval(hours => 7 + hour) AS start) AS trip
"""
_LATEST = """
INSERT INTO fleet.latest_positions SELECT DISTINCT ON (device_id) device_id, device_time, device_time AS fix_time,
    {columns} FROM fleet.reports WHERE device_time >= $1 ORDER BY device_id, device_time DESC
"""
_EXPLAINED = {
    "session_preload_libraries": "auto_explain",
    "auto_explain.log_min_duration": "0",
    "auto_explain.log_analyze": "on",
    "auto_explain.log_buffers": "on",
}

Question = tuple[str, str, dict[str, Any] | None]


def run(reports: int = REPORTS) -> None:
    days = max(reports // DEVICES // PER_DAY, 40)
    with bench() as servers:
        servers.gateway.start()
        began = time.monotonic()
        asyncio.run(fill(servers.database_url, days))
        count = days * DEVICES * PER_DAY
        store = "TimescaleDB" if servers.has_timescale else "PostgreSQL"
        figure(
            f"{store}: {count:,} reports of {DEVICES} devices, {days} days", f"{time.monotonic() - began:.0f} s to fill"
        )
        _print_size(servers, "size", count)
        if servers.has_timescale:
            asyncio.run(_compress(servers.database_url))
            _print_size(servers, "size, all but 14 days compressed", count)
        slowest = _measure(servers, days)
        if servers.database_log is not None:
            print(f"\n  EXPLAIN of the slowest, {slowest[0]} {slowest[1]}\n", flush=True)
            _explain(servers, servers.database_log, slowest)


async def fill(url: str, days: int, *, trips: bool = True) -> None:
    """The last days of all devices."""
    dates = [LAST_DAY - timedelta(days=back) for back in range(days - 1, -1, -1)]
    first = await asyncpg.connect(url)
    await first.execute(_DEVICES, DEVICES)
    queue = iter(dates)

    async def fill_days() -> None:
        connection = await asyncpg.connect(url)
        for date in queue:
            await connection.execute(_DAY, date)
            if trips:
                await connection.execute(_TRIPS, date)
        await connection.close()

    await asyncio.gather(*(fill_days() for _ in range(_AT_ONCE)))
    columns = await first.fetchval(
        "SELECT string_agg(column_name, ', ' ORDER BY ordinal_position) FROM information_schema.columns"
        " WHERE table_schema = 'fleet' AND table_name = 'latest_positions' AND column_name NOT IN ('device_id', 'device_time', 'fix_time')"
    )
    await first.execute(_LATEST.format(columns=columns), LAST_DAY)
    await first.execute("VACUUM ANALYZE")
    await first.close()


async def _compress(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "SELECT compress_chunk(chunk) FROM show_chunks('fleet.reports', older_than => $1::timestamptz) chunk",
        LAST_DAY - _COMPRESS_BEFORE,
    )
    await connection.execute("VACUUM ANALYZE")
    await connection.close()


def _print_size(servers: Bench, name: str, reports: int) -> None:
    size = servers.size_of("reports")
    figure(f"  {name}", f"{size / 2**30:.2f} GiB, {size / reports * 1e6 / 2**20:,.0f} MiB/million")


def _measure(servers: Bench, days: int) -> Question:
    """Ask each kind of question again and again, everywhere in the history; the slowest question of all."""
    chance = random.Random(1)  # noqa: S311 - a simulation
    kinds: tuple[tuple[str, str, Callable[[], Question]], ...] = (
        ("latest of all 500", "≤ 20 ms", lambda: ("GET", "/v1/positions/latest?limit=500", None)),
        ("a day of one device", "≤ 30 ms", lambda: _history(chance, days, 1)),
        ("trips of a month", "≤ 30 ms", lambda: _history(chance, days, 30, "trips")),
        ("a month in hours", "", lambda: _history(chance, days, 30, "positions/buckets", every="1h")),
        ("a month in days", "", lambda: _history(chance, days, 30, "positions/buckets", every="1d")),
        ("who was in a square of 20 km within a day", "", lambda: _area(chance, days, 1)),
        ("who was in a square of 20 km within an hour", "", lambda: _area(chance, days, 1 / 24)),
    )
    link = http.client.HTTPConnection("127.0.0.1", servers.gateway.api_port, timeout=60)
    slowest: tuple[float, Question] = (0.0, kinds[0][2]())
    for name, target, make in kinds:
        questions = [make() for _ in range(ASKED)]
        times = [ask(link, servers, question)[0] for question in (*questions[:20], *questions)][20:]
        figure(f"  {name}", percentiles(times), target)
        slowest = max(slowest, *zip(times, questions, strict=True), key=lambda pair: pair[0])
    pages = list(itertools.islice(_pages(link, servers, days), days * PER_DAY // 100))
    figure(f"  a page of 100, the first 100 of {len(pages)}", percentiles(pages[:100]), "≤ 30 ms")
    figure("  a page of 100, the last 100 of them", percentiles(pages[-100:]), "≤ 30 ms at any depth")
    link.close()
    return slowest[1]


def _history(chance: random.Random, days: int, span: int, what: str = "positions", **query: Any) -> Question:
    start = LAST_DAY - timedelta(days=chance.randrange(span - 1, days))
    limit = {} if "buckets" in what else {"limit": 1000}
    text = urlencode({"from": _text(start), "to": _text(start + timedelta(days=span)), **limit, **query})
    return "GET", f"/v1/devices/{14310000001 + chance.randrange(DEVICES)}/{what}?{text}", None


def _area(chance: random.Random, days: int, span: float) -> Question:
    start = LAST_DAY + timedelta(hours=10) - timedelta(days=chance.randrange(days))
    north, east = 20 + chance.random() * 23, 80 + chance.random() * 40
    corners = [(0, 0), (0.18, 0), (0.18, 0.18), (0, 0.18), (0, 0)]
    polygon = {"type": "Polygon", "coordinates": [[[east + x, north + y] for x, y in corners]]}
    body = {"polygon": polygon, "from": _text(start), "to": _text(start + timedelta(days=span))}
    return "POST", "/v1/positions/area", body


def _pages(link: http.client.HTTPConnection, servers: Bench, days: int) -> Iterator[float]:
    """Seconds of each page of one device's whole history, from its beginning on."""
    path = f"/v1/devices/14310000250/positions?order=asc&from={_text(LAST_DAY - timedelta(days=days))}&limit=100"
    cursor = ""
    while True:
        seconds, answer = ask(link, servers, ("GET", path + cursor, None))
        yield seconds
        following = answer["next_cursor"]
        if following is None:
            return
        cursor = f"&cursor={following}"


def ask(link: http.client.HTTPConnection, servers: Bench, question: Question) -> tuple[float, Any]:
    """How long the answer took, and what it is."""
    method, path, body = question
    headers = {"Authorization": f"Bearer {servers.gateway.api_key}", "Content-Type": "application/json"}
    began = time.perf_counter()
    link.request(method, path, None if body is None else json.dumps(body), headers)
    answer = link.getresponse()
    text = answer.read()
    seconds = time.perf_counter() - began
    if answer.status != http.client.OK:
        raise RuntimeError(text.decode())
    return seconds, json.loads(text)


def _explain(servers: Bench, log: Path, question: Question) -> None:
    """Ask it once more, with the server noting the plans of all its statements; print those of the longest."""
    servers.gateway.api.stop()
    name = servers.query("SELECT current_database()")
    for setting, value in _EXPLAINED.items():
        servers.query(f"ALTER DATABASE {name} SET {setting} = '{value}'")
    servers.gateway.api.start()
    began = log.stat().st_size
    link = http.client.HTTPConnection("127.0.0.1", servers.gateway.api_port, timeout=60)
    ask(link, servers, question)
    link.close()
    with log.open() as lines:
        lines.seek(began)
        plans = re.split(r"^(?=\d{4}-\d\d-\d\d )", lines.read(), flags=re.MULTILINE)
    print(max((plan for plan in plans if "fleet.reports" in plan or "fleet.trips" in plan), key=_duration))


def _duration(plan: str) -> float:
    found = re.search(r"duration: ([\d.]+) ms", plan)
    return 0.0 if found is None else float(found[1])


def _text(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")
