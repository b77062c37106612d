"""SQL of a redecode: the journal of one device in the order of arrival, its reports, and the correction of both."""

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import asyncpg

from vt600_api.ingest.staging import REPORT_COLUMNS, STAGING_COLUMNS, Row
from vt600_api.redecode.latest import REPLACE_LATEST
from vt600_api.summaries.statements import FORGET_SOURCES
from vt600_api.trips.tables import FORGET_STOPS, FORGET_TRIPS, MARK

_CHUNK = 2_000
# Where the report of a frame usually is, by the device's clock.
_LONGEST_LATE = timedelta(days=60)
_FURTHEST_AHEAD = timedelta(days=2)
_FRAME_ID, _DEVICE_TIME = (STAGING_COLUMNS.index(name) for name in ("frame_id", "device_time"))

_FRAMES = """
SELECT received_at, frame_id, dialect, transport, peer, listener_id, session_id, generation, kind, code, packet_no, decoder, raw
FROM fleet.frames
WHERE device_id = $1 AND received_at < $2 AND (received_at, frame_id) > ($3, $4::uuid)
ORDER BY received_at, frame_id LIMIT $5
"""
_NEAR = (
    "SELECT * FROM fleet.reports WHERE device_id = $1 AND device_time BETWEEN $3 AND $4 AND frame_id = ANY($2::uuid[])"
)
_ANYWHERE = "SELECT * FROM fleet.reports WHERE device_id = $1 AND frame_id = ANY($2::uuid[])"
_NEWEST_BEFORE = """
SELECT device_time FROM fleet.reports
WHERE device_id = $1 AND received_at < $2 AND NOT flags @> '{device_time_suspect}'
ORDER BY device_time DESC LIMIT 1
"""
_DELETE = """
DELETE FROM fleet.reports r USING unnest($2::timestamptz[], $3::uuid[]) AS gone (device_time, frame_id)
WHERE r.device_id = $1 AND r.device_time = gone.device_time AND r.frame_id = gone.frame_id
"""
_COLUMNS = ", ".join(("device_id", "received_at", "frame_id", "dialect", *REPORT_COLUMNS))
_INSERT = f"INSERT INTO fleet.reports ({_COLUMNS}) SELECT {_COLUMNS} FROM staging ON CONFLICT DO NOTHING"  # noqa: S608 - our own columns
_STAMP = """
UPDATE fleet.frames SET decoder = $4
WHERE device_id = $1 AND received_at BETWEEN $2 AND $3 AND decoder <> $4
"""

Place = tuple[datetime, str]
Key = tuple[datetime, str]


async def devices_with_frames(connection: asyncpg.Connection, device_id: str | None) -> list[str]:
    """The devices to go through, in their order."""
    if device_id is not None:
        return [device_id]
    rows = await connection.fetch(
        "SELECT device_id FROM fleet.devices WHERE first_seen_at IS NOT NULL ORDER BY device_id"
    )
    return [row["device_id"] for row in rows]


async def settings_of(connection: asyncpg.Connection, device_id: str) -> str | None:
    """The device's settings as JSON text, None when it has none."""
    query = "SELECT nullif(settings, '{}')::text FROM fleet.devices WHERE device_id = $1"
    found: str | None = await connection.fetchval(query, device_id)
    return found


async def hold(connection: asyncpg.Connection, device_id: str) -> bool:
    """Keep the device from being forgotten until the end of the transaction; False when it was."""
    query = "SELECT 1 FROM fleet.devices WHERE device_id = $1 FOR KEY SHARE"
    return await connection.fetchval(query, device_id) is not None


async def next_frames(
    connection: asyncpg.Connection, device_id: str, until: datetime, after: Place
) -> Sequence[asyncpg.Record]:
    """The next frames of the device behind a place."""
    found: Sequence[asyncpg.Record] = await connection.fetch(_FRAMES, device_id, until, *after, _CHUNK)
    return found


async def newest_before(connection: asyncpg.Connection, device_id: str, moment: datetime) -> datetime | None:
    """The newest plausible device time among the reports that came before a moment."""
    found: datetime | None = await connection.fetchval(_NEWEST_BEFORE, device_id, moment)
    return found


async def stored_reports(
    connection: asyncpg.Connection, device_id: str, frame_ids: Sequence[str], first: datetime, last: datetime
) -> dict[str, asyncpg.Record]:
    """The reports of frames that arrived between two moments, by identity; looked for everywhere when not where they should be."""
    rows = await connection.fetch(_NEAR, device_id, frame_ids, first - _LONGEST_LATE, last + _FURTHEST_AHEAD)
    found = {row["frame_id"].hex: row for row in rows}
    missing = [frame_id for frame_id in frame_ids if frame_id not in found]
    if missing:
        found |= {row["frame_id"].hex: row for row in await connection.fetch(_ANYWHERE, device_id, missing)}
    return found


async def correct(
    connection: asyncpg.Connection, device_id: str, *, remove: Sequence[Key], insert: Sequence[Row]
) -> None:
    """Replace reports, inside the caller's transaction, and have the device's trips and summaries worked out again."""
    if remove:
        await connection.execute(_DELETE, device_id, *_split(remove))
    if insert:
        await connection.execute("DELETE FROM staging")
        await connection.copy_records_to_table("staging", records=insert, columns=STAGING_COLUMNS)
        await connection.execute(_INSERT)
    there: set[Any] = {(row[_DEVICE_TIME], row[_FRAME_ID]) for row in insert}
    changed = [time for time, _frame_id in (*remove, *there)]
    if changed:
        await connection.execute(MARK, device_id, min(changed), max(changed))
    if gone := set(remove) - there:
        for statement in (FORGET_TRIPS, FORGET_STOPS, FORGET_SOURCES):
            await connection.execute(statement, device_id, *_split(gone))


async def stamp(connection: asyncpg.Connection, device_id: str, first: datetime, last: datetime, decoder: str) -> None:
    """Note in the journal which decoder read the frames last."""
    await connection.execute(_STAMP, device_id, first, last, decoder)


async def renew_latest(connection: asyncpg.Connection, device_id: str) -> None:
    """Work out the latest position anew; live ingest waits for the row and then moves it forwards only."""
    await connection.execute("SELECT 1 FROM fleet.latest_positions WHERE device_id = $1 FOR UPDATE", device_id)
    await connection.execute(REPLACE_LATEST, device_id)


def _split(keys: Collection[Key]) -> tuple[list[datetime], list[str]]:
    times, frame_ids = zip(*keys, strict=True)
    return list(times), list(frame_ids)
