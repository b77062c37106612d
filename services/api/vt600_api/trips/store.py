"""SQL of the process that works out trips. The lock of a device is its row in `trip_states`, which ingest never touches."""

from collections.abc import Sequence
from datetime import UTC, datetime

import asyncpg
import msgspec
from msgspec import Struct

from vt600_api.trips.repair import Key, Outcome
from vt600_api.trips.rules import Boundary, Segment, State
from vt600_api.trips.spans import Moment
from vt600_api.trips.spans import Place as Fix
from vt600_api.trips.tables import (
    BOUNDARIES_BEHIND,
    HAS_ITS_REPORT,
    LAST_BOUNDARY,
    UPSERT_STOP,
    UPSERT_TRIP,
    stop_row,
    trip_row,
)

REPORTS_AT_ONCE = 2000
NOWHERE = (datetime(1970, 1, 1, tzinfo=UTC), "0" * 32)  # before every plausible report
_NEVER = datetime.max.replace(tzinfo=UTC)

Place = tuple[datetime, str]  # behind or at which report, in the order of the rules

_encode = msgspec.json.Encoder().encode
_decode_state = msgspec.json.Decoder(State).decode

_KNOW_DEVICES = """
INSERT INTO fleet.trip_states (device_id)
SELECT device_id FROM fleet.trip_work WHERE device_id NOT IN (SELECT device_id FROM fleet.trip_states) ORDER BY device_id
ON CONFLICT DO NOTHING
"""
_TAKE_MARKS = """
WITH free AS (
    SELECT device_id, w.since, w.until FROM fleet.trip_work w JOIN fleet.trip_states s USING (device_id)
    ORDER BY device_id FOR UPDATE SKIP LOCKED
), taken AS (
    DELETE FROM fleet.trip_work w USING free WHERE w.device_id = free.device_id
)
UPDATE fleet.trip_states s SET since = least(s.since, free.since), until = greatest(s.until, free.until)
FROM free WHERE s.device_id = free.device_id
"""
# At random, so that several processes seldom want the same one.
_DUE = """
SELECT device_id FROM fleet.trip_states WHERE since IS NOT NULL OR ($2 AND rules IS DISTINCT FROM $1) ORDER BY random()
"""
_LOCK = """
SELECT since, until, device_time, frame_id, state, rules IS NOT DISTINCT FROM $2 AS is_current FROM fleet.trip_states
WHERE device_id = $1 AND (since IS NOT NULL OR rules IS DISTINCT FROM $2) FOR UPDATE SKIP LOCKED
"""
_REPORTS = """
SELECT device_time, frame_id, fix_valid, latitude, longitude, speed_kmh, ignition, odometer_m,
    coalesce(CASE WHEN event = 'card_swiped' THEN nullif(event_data, '') END, extras ->> 'driver_text') AS driver
FROM fleet.reports
WHERE device_id = $1 AND device_time >= $2 AND (device_time, frame_id) {beyond} ($2, $3::uuid)
    AND NOT flags @> '{{device_time_suspect}}'
ORDER BY device_time, frame_id LIMIT $4
"""
_REPORTS_FROM, _REPORTS_BEHIND = _REPORTS.format(beyond=">="), _REPORTS.format(beyond=">")
_FINISH = f"""
WITH no_trips AS (
    DELETE FROM fleet.trips t WHERE device_id = $1 AND started_at >= $2 AND started_at < coalesce($3, 'infinity'::timestamptz)
        AND started_at <> ALL($4::timestamptz[]) AND {HAS_ITS_REPORT}
), no_stops AS (
    DELETE FROM fleet.stops t WHERE device_id = $1 AND started_at >= $2 AND started_at < coalesce($3, 'infinity'::timestamptz)
        AND started_at <> ALL($5::timestamptz[]) AND {HAS_ITS_REPORT}
)
UPDATE fleet.trip_states SET since = NULL, until = NULL, rules = $6, device_time = coalesce($7, device_time),
    frame_id = coalesce($8, frame_id), state = coalesce($9, state)
WHERE device_id = $1
"""  # noqa: S608 - a condition of ours
# What retention has taken the first report of ends where something new begins.
_CUT_TRIPS, _CUT_STOPS = (
    f"""
UPDATE fleet.{table} t SET ended_at = next.started_at
FROM unnest($4::timestamptz[]) AS next (started_at)
WHERE t.device_id = $1 AND t.started_at >= $2 AND t.started_at < $3 AND NOT {HAS_ITS_REPORT}
    AND next.started_at = (SELECT min(s) FROM unnest($4::timestamptz[]) s WHERE s > t.started_at)
    AND next.started_at < coalesce(t.ended_at, 'infinity')
"""  # noqa: S608 - tables of ours
    for table in ("trips", "stops")
)


class Due(Struct, frozen=True):
    """A device that is locked: the changes to work off, where its rules left off, and whether these are ours."""

    since: datetime | None
    until: datetime | None
    place: Place | None
    state: State | None
    is_current: bool


async def take_marks(connection: asyncpg.Connection) -> None:
    """Make the marks of ingest our own, but those that it is just moving; nobody waits for anybody."""
    async with connection.transaction():
        await connection.execute(_KNOW_DEVICES)
        await connection.execute(_TAKE_MARKS)


async def due_devices(connection: asyncpg.Connection, rules: str, *, also_stale: bool) -> list[str]:
    """Devices with changes to work off; with `also_stale` those too whose trips are of other rules."""
    return [row["device_id"] for row in await connection.fetch(_DUE, rules, also_stale)]


async def lock_device(connection: asyncpg.Connection, device_id: str, rules: str) -> Due | None:
    """The device until the end of the transaction, None when somebody else has it or has done it."""
    row = await connection.fetchrow(_LOCK, device_id, rules)
    if row is None:
        return None
    if not row["is_current"]:
        return Due(None, None, None, None, is_current=False)
    place = None if row["device_time"] is None else (row["device_time"], row["frame_id"].hex)
    state = None if row["state"] is None else _decode_state(row["state"])
    return Due(row["since"], row["until"], place, state, is_current=True)


async def last_boundary(connection: asyncpg.Connection, device_id: str, since: datetime) -> Boundary | None:
    """The last boundary that is certain without the reports from `since` on."""
    row = await connection.fetchrow(LAST_BOUNDARY, device_id, since)
    return None if row is None else _boundary(row)


async def boundaries_behind(connection: asyncpg.Connection, device_id: str, until: datetime) -> dict[Key, Boundary]:
    """The next boundaries behind a time; enough of them to find one that stays."""
    rows = await connection.fetch(BOUNDARIES_BEHIND, device_id, until)
    return {(row["kind"], row["started_at"]): _boundary(row) for row in rows}


async def next_moments(
    connection: asyncpg.Connection, device_id: str, place: Place, *, inclusive: bool
) -> Sequence[Moment]:
    """Up to REPORTS_AT_ONCE plausible reports in the order of the rules, behind a place or from it on."""
    query = _REPORTS_FROM if inclusive else _REPORTS_BEHIND
    return [_moment(row) for row in await connection.fetch(query, device_id, *place, REPORTS_AT_ONCE)]


async def save(
    connection: asyncpg.Connection, device_id: str, outcome: Outcome, *, rules: str, place: Place | None, anew: bool
) -> None:
    """Replace what the outcome replaces; rows that are as they were are not written.

    Where retention has taken the first report of a trip or stop, it stays, and ends where the new ones begin. `anew`: the outcome is of
    all reports that there are.
    """
    trips = [segment for segment in outcome.keep if segment.kind == "trip"]
    stops = [segment for segment in outcome.keep if segment.kind == "stop"]
    if trips:
        await connection.executemany(UPSERT_TRIP, [trip_row(device_id, segment) for segment in trips])
    if stops:
        await connection.executemany(UPSERT_STOP, [stop_row(device_id, segment) for segment in stops])
    kept = _starts(trips), _starts(stops)
    if outcome.lower is not None:
        lower = NOWHERE[0] if anew else outcome.lower
        for statement in (_CUT_TRIPS, _CUT_STOPS):
            await connection.execute(statement, device_id, lower, outcome.upper or _NEVER, kept[0] + kept[1])
    state = None if outcome.state is None else _encode(outcome.state).decode()
    reached = (None, None) if outcome.state is None or place is None else place
    await connection.execute(_FINISH, device_id, outcome.lower, outcome.upper, *kept, rules, *reached, state)


def _starts(segments: Sequence[Segment]) -> list[datetime]:
    return [segment.span.started_at for segment in segments]


def _boundary(row: asyncpg.Record) -> Boundary:
    return Boundary(row["kind"], row["started_at"], row["frame_id"].hex, row["certain_at"])


def _moment(row: asyncpg.Record) -> Moment:
    time, frame_id, fix_valid, latitude, longitude, speed_kmh, ignition, odometer_m, driver = row
    fix = None
    if fix_valid and latitude is not None and longitude is not None and abs(latitude) <= 90 and abs(longitude) <= 180:
        fix = Fix(latitude, longitude, time)
    return Moment(time, frame_id.hex, fix, speed_kmh if fix_valid else None, ignition, odometer_m, driver)
