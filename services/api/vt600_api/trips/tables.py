"""Trips and stops as rows, and the statements that write and find them; the mark of a device whose reports have changed."""

from datetime import datetime

from vt600_api.trips.rules import Segment

_SHARED = (
    "device_id",
    "started_at",
    "ended_at",
    "last_report_at",
    "certain_at",
    "frame_id",
    "reports",
    "idle_s",
    "driver",
)
_PLACES = ("start_latitude", "start_longitude", "end_latitude", "end_longitude")
_TRIP = (*_SHARED, *_PLACES, "distance_m", "odometer_m", "top_speed_kmh")
_STOP = (*_SHARED, "latitude", "longitude")

Row = tuple[object, ...]


def trip_row(device_id: str, segment: Segment) -> Row:
    """The values of a row of `trips`."""
    span = segment.span
    start = (None, None) if span.start is None else (span.start.latitude, span.start.longitude)
    end = (None, None) if span.end is None else (span.end.latitude, span.end.longitude)
    distance_m = None if span.start is None else span.distance_m
    return (*_shared(device_id, segment), *start, *end, distance_m, span.odometer_m, span.top_speed_kmh)


def stop_row(device_id: str, segment: Segment) -> Row:
    """The values of a row of `stops`; its place is the first valid fix."""
    start = segment.span.start
    return (*_shared(device_id, segment), *((None, None) if start is None else (start.latitude, start.longitude)))


def _shared(device_id: str, segment: Segment) -> tuple[str, datetime, datetime | None, *tuple[object, ...]]:
    span = segment.span
    return (
        device_id,
        span.started_at,
        segment.ended_at,
        span.last_at,
        span.certain_at,
        span.frame_id,
        span.reports,
        span.idle_s,
        span.driver,
    )


def _upsert(table: str, columns: tuple[str, ...]) -> str:
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 1))
    values = columns[2:]
    changes = ", ".join(f"{name} = excluded.{name}" for name in values)
    return (
        f"INSERT INTO fleet.{table} AS t ({', '.join(columns)}) VALUES ({places})"  # noqa: S608 - our own tables
        f" ON CONFLICT (device_id, started_at) DO UPDATE SET {changes}"
        f" WHERE ({', '.join(f't.{name}' for name in values)})"
        f" IS DISTINCT FROM ({', '.join(f'excluded.{name}' for name in values)})"
    )


def _of_both(condition: str, order: str, limit: int) -> str:
    parts = (
        f"(SELECT '{kind}' AS kind, started_at, frame_id, certain_at FROM fleet.{kind}s t"  # noqa: S608 - our own tables
        f" WHERE device_id = $1 AND {condition} ORDER BY started_at {order} LIMIT {limit})"
        for kind in ("trip", "stop")
    )
    return f"{' UNION ALL '.join(parts)} ORDER BY started_at {order} LIMIT {limit}"


# Whether the first report of a trip or stop `t` is still stored: what retention has left behind stays as it is.
HAS_ITS_REPORT = """EXISTS (
    SELECT FROM fleet.reports r WHERE r.device_id = t.device_id AND r.device_time = t.started_at AND r.frame_id = t.frame_id
)"""
UPSERT_TRIP = _upsert("trips", _TRIP)
UPSERT_STOP = _upsert("stops", _STOP)
LAST_BOUNDARY = _of_both(f"started_at < $2 AND certain_at < $2 AND {HAS_ITS_REPORT}", "DESC", 1)
BOUNDARIES_BEHIND = _of_both("started_at > $2", "ASC", 500)
MARK = """
INSERT INTO fleet.trip_work AS w (device_id, since, until) VALUES ($1, $2, $3)
ON CONFLICT (device_id) DO UPDATE SET since = least(w.since, excluded.since), until = greatest(w.until, excluded.until)
"""
# Trips and stops that began with reports which are removed for good.
FORGET_TRIPS, FORGET_STOPS = (
    f"DELETE FROM fleet.{table} t USING unnest($2::timestamptz[], $3::uuid[]) AS gone (device_time, frame_id)"  # noqa: S608
    " WHERE t.device_id = $1 AND t.started_at = gone.device_time AND t.frame_id = gone.frame_id"
    for table in ("trips", "stops")
)
