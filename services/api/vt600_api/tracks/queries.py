"""SQL of buckets, places and gaps; the same with and without TimescaleDB."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Row, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.positions.models import Report

_ROWS_AT_ONCE = 5000
_WEEKS_BEGIN = datetime(2001, 1, 1, tzinfo=UTC)  # a Monday; minutes, hours and days begin as they should too

# The least and the greatest array are those of the first and of the last time: one pass, and nothing is kept.
_BUCKETS = text("""
WITH seen AS (
    SELECT device_time, ignition,
        odometer_m - lag(odometer_m) OVER (PARTITION BY odometer_m IS NULL ORDER BY device_time, frame_id) AS gained_m,
        CASE WHEN fix_valid THEN speed_kmh END AS speed_kmh,
        CASE WHEN fix_valid AND latitude IS NOT NULL AND longitude IS NOT NULL
            THEN ARRAY[extract(epoch FROM device_time)::float8, latitude, longitude] END AS place
    FROM fleet.reports
    WHERE device_id = :device_id AND device_time >= :since AND device_time < :until
)
SELECT date_bin(CAST(:every AS interval), device_time, CAST(:origin AS timestamptz)) AS start, count(*) AS reports,
    min(device_time) FILTER (WHERE place IS NOT NULL) AS first_time, min(place) AS first_place,
    max(device_time) FILTER (WHERE place IS NOT NULL) AS last_time, max(place) AS last_place,
    max(speed_kmh) AS top_speed_kmh, avg(speed_kmh) AS mean_speed_kmh,
    (sum(greatest(gained_m, 0)) FILTER (WHERE gained_m IS NOT NULL))::bigint AS distance_m,
    avg(CASE WHEN ignition THEN 1.0::float8 WHEN NOT ignition THEN 0.0 END) AS ignition_share
FROM seen GROUP BY 1 ORDER BY 1
""")

_GAPS = text("""
WITH around AS (
    (SELECT device_time, ignition FROM fleet.reports WHERE device_id = :device_id AND device_time < :since
     ORDER BY device_time DESC, frame_id DESC LIMIT 100)
    UNION ALL
    SELECT device_time, ignition FROM fleet.reports
    WHERE device_id = :device_id AND device_time >= :since AND device_time < :until
    UNION ALL
    (SELECT device_time, ignition FROM fleet.reports WHERE device_id = :device_id AND device_time >= :until
     ORDER BY device_time, frame_id LIMIT 1)
), seen AS (
    SELECT device_time, bool_or(ignition) AS ignition FROM around GROUP BY device_time
), steps AS (
    SELECT device_time AS start, lead(device_time) OVER (ORDER BY device_time) AS later, ignition,
        ignition IS FALSE AS is_parked
    FROM seen
), usual AS (
    SELECT is_parked,
        CASE WHEN count(*) FILTER (WHERE start >= :since) >= 3
            THEN percentile_cont(0.5) WITHIN GROUP (ORDER BY later - start) FILTER (WHERE start >= :since)
            ELSE percentile_cont(0.5) WITHIN GROUP (ORDER BY later - start) END AS time
    FROM steps WHERE later < :until GROUP BY is_parked
)
SELECT start, later AS end, extract(epoch FROM coalesce(later, :now) - start)::float8 AS seconds, ignition,
    extract(epoch FROM usual.time)::float8 AS interval_s
FROM steps LEFT JOIN usual USING (is_parked)
WHERE start < :until AND coalesce(later, :now) > :since
    AND coalesce(later, :now) - start > coalesce(CAST(:longer_than AS interval), 3 * usual.time)
ORDER BY start LIMIT :limit
""")


async def buckets(
    db: AsyncSession, device_id: str, *, since: datetime, until: datetime, every: timedelta
) -> Sequence[Row[Any]]:
    """What a device's reports say in equal steps of time."""
    words = {"device_id": device_id, "since": since, "until": until, "every": every, "origin": _WEEKS_BEGIN}
    rows: Sequence[Row[Any]] = (await db.execute(_BUCKETS, words)).all()
    return rows


async def places(
    db: AsyncSession, device_id: str, *, since: datetime, until: datetime, limit: int
) -> AsyncIterator[Sequence[Row[datetime, float | None, float | None]]]:
    """The device's valid fixes in the order of its clock, some thousands at a time."""
    query = (
        select(Report.device_time, Report.latitude, Report.longitude)
        .where(Report.device_id == device_id, Report.device_time >= since, Report.device_time < until)
        .where(Report.fix_valid, Report.latitude.between(-90, 90), Report.longitude.between(-180, 180))
        .order_by(Report.device_time, Report.frame_id)
        .limit(limit)
        .execution_options(yield_per=_ROWS_AT_ONCE)
    )
    async for rows in (await db.stream(query)).partitions():
        yield rows


async def gaps(
    db: AsyncSession,
    device_id: str,
    *,
    since: datetime,
    until: datetime,
    longer_than: timedelta | None,
    now: datetime,
    limit: int,
) -> Sequence[Row[Any]]:
    """Where reports are missing in a span or over its ends; one more than `limit` when there are more."""
    words = {"device_id": device_id, "since": since, "until": until, "now": now}
    rows: Sequence[Row[Any]] = (
        await db.execute(_GAPS, {**words, "longer_than": longer_than, "limit": limit + 1})
    ).all()
    return rows
