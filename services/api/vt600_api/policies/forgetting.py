"""Pending devices that fell silent before anybody adopted them: forgotten, with all that is stored of them.

Some thousand rows at a time, but never half a device: its row is locked, ingest and redecode lock it too before they store anything of
it, and one that is being stored just now is left alone.
"""

from collections.abc import Sequence
from datetime import datetime

import asyncpg

from vt600_api.devices.tables import TABLES_OF_A_DEVICE

_DEVICES_AT_ONCE = 100
_FRAMES_AT_ONCE = 10_000

_SILENT = "state = 'pending' AND coalesce(last_seen_at, created_at) < $1"
_NEXT = f"""
SELECT device_id, pending_frames FROM fleet.devices WHERE {_SILENT} AND device_id > $2 ORDER BY device_id LIMIT {_DEVICES_AT_ONCE}
"""  # noqa: S608 - a condition of ours
_LOCK = f"""
SELECT device_id FROM fleet.devices WHERE {_SILENT} AND device_id = ANY($2::text[]) ORDER BY device_id FOR UPDATE SKIP LOCKED
"""  # noqa: S608
# What TimescaleDB has compressed, it may have to unpack before it can delete it: at most 100,000 rows unless told otherwise.
_UNPACK_ALL = "SELECT set_config('timescaledb.max_tuples_decompressed_per_dml_transaction', '0', true)"


async def forget(connection: asyncpg.Connection, before: datetime) -> int:
    """Forget the pending devices that were last seen before a time; how many."""
    forgotten, after = 0, ""
    while rows := await connection.fetch(_NEXT, before, after):
        devices = _some(rows)
        after = devices[-1]
        async with connection.transaction():
            locked = [row["device_id"] for row in await connection.fetch(_LOCK, before, devices)]
            if locked:
                await _delete(connection, locked)
        forgotten += len(locked)
    return forgotten


def _some(rows: Sequence[asyncpg.Record]) -> list[str]:
    """The first ones, one at least, with not too many frames together."""
    frames = 0
    devices: list[str] = []
    for row in rows:
        frames += row["pending_frames"]
        if devices and frames > _FRAMES_AT_ONCE:
            break
        devices.append(row["device_id"])
    return devices


async def _delete(connection: asyncpg.Connection, devices: Sequence[str]) -> None:
    await connection.execute(_UNPACK_ALL)
    for table in TABLES_OF_A_DEVICE:
        await connection.execute(f"DELETE FROM fleet.{table} WHERE device_id = ANY($1::text[])", devices)  # noqa: S608
