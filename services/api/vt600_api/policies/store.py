"""Policies of TimescaleDB where the store has it; plain deletes where it has not."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import asyncpg

from vt600_api.policies.forgetting import forget
from vt600_api.policies.settings import PolicySettings

_ROWS_AT_ONCE = 10_000
_HAS_TIMESCALE = "SELECT count(*) > 0 FROM pg_extension WHERE extname = 'timescaledb'"
_HYPERTABLES = "SELECT hypertable_name FROM timescaledb_information.hypertables WHERE hypertable_schema = 'fleet'"
_LICENCE = "SELECT current_setting('timescaledb.license', true)"


@dataclass(frozen=True, slots=True)
class Table:
    """A table that grows, the time by which it is kept, and for how many days."""

    name: str
    time: str
    days: int


def tables(settings: PolicySettings) -> tuple[Table, ...]:
    """All that grow."""
    return (
        Table("reports", "device_time", settings.reports_days),
        Table("frames", "received_at", settings.frames_days),
        Table("device_sessions", "closed_at", settings.sessions_days),
        Table("rejects", "received_at", settings.rejects_days),
        Table("device_hours", "start", settings.summaries_days),
        Table("device_days", "start", settings.summaries_days),
    )


async def apply(connection: asyncpg.Connection, settings: PolicySettings) -> list[str]:
    """Set the server's own policies; what it has none for is to be enforced from time to time. A line for each table."""
    own = await _policed(connection)
    lines = []
    for table in tables(settings):
        if table.name not in own:
            lines.append(f"{table.name}: the server has no policies for it; run `enforce` daily to keep {_kept(table)}")
            continue
        for statement in _statements(table, settings.compress_after_days):
            await connection.execute(statement)
        compressed = (
            f"compressed after {settings.compress_after_days} days" if settings.compress_after_days else "plain"
        )
        lines.append(f"{table.name}: {compressed}, kept {_kept(table)}")
    return lines


async def enforce(connection: asyncpg.Connection, settings: PolicySettings, now: datetime | None = None) -> list[str]:
    """Forget pending devices that fell silent, and delete what is too old in the tables for which the server has no policy."""
    now = now or datetime.now(UTC)
    own = await _policed(connection)
    lines = []
    if settings.pending_days:
        forgotten = await forget(connection, now - timedelta(days=settings.pending_days))
        lines.append(f"pending devices: {forgotten} forgotten")
    for table in tables(settings):
        if table.name in own or not table.days:
            continue
        before = now - timedelta(days=table.days)
        lines.append(f"{table.name}: {await _delete(connection, table, before)} rows deleted")
    return lines


async def _policed(connection: asyncpg.Connection) -> set[str]:
    """The tables that TimescaleDB looks after; none without it, or without its community licence."""
    if not await connection.fetchval(_HAS_TIMESCALE) or await connection.fetchval(_LICENCE) != "timescale":
        return set()
    return {row["hypertable_name"] for row in await connection.fetch(_HYPERTABLES)}


def _statements(table: Table, compress_after_days: int) -> Iterator[str]:
    name = f"fleet.{table.name}"
    yield f"SELECT remove_compression_policy('{name}', if_exists => true)"
    if compress_after_days:
        yield f"SELECT add_compression_policy('{name}', INTERVAL '{compress_after_days} days')"
    yield f"SELECT remove_retention_policy('{name}', if_exists => true)"
    if table.days:
        yield f"SELECT add_retention_policy('{name}', INTERVAL '{table.days} days')"


async def _delete(connection: asyncpg.Connection, table: Table, before: datetime) -> int:
    """Some thousand rows at a time, so that nobody waits long for a lock and the log stays small."""
    statement = (
        f"DELETE FROM fleet.{table.name} WHERE ctid = ANY(ARRAY("  # noqa: S608 - our own tables
        f"SELECT ctid FROM fleet.{table.name} WHERE {table.time} < $1 LIMIT {_ROWS_AT_ONCE}))"
    )
    deleted = 0
    while (count := int((await connection.execute(statement, before)).split()[-1])) > 0:
        deleted += count
    return deleted


def _kept(table: Table) -> str:
    return f"{table.days} days" if table.days else "for ever"
