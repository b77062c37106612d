"""For migrations: hypertables and their policies where the server has TimescaleDB, one plain line where it has not."""

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from alembic import op
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

_log = structlog.get_logger()


@dataclass(frozen=True)
class Hypertable:
    """A table in chunks of time, segmented by device once a chunk is compressed."""

    name: str
    time: str
    chunk: str
    compress_after: str


def create_hypertables(schema: str, tables: Sequence[Hypertable]) -> None:
    """Turn the tables into hypertables with a compression policy, as far as the server can."""
    connection = op.get_bind()
    missing = _what_is_missing(connection)
    if missing is not None:
        _log.warning("timescaledb.missing", reason=missing, consequence="ordinary tables, no compression, no retention")
        return
    licensed = connection.scalar(text("SELECT current_setting('timescaledb.license', true)")) == "timescale"
    if not licensed:
        _log.warning("timescaledb.limited", reason="this build has no community licence", consequence="no compression")
    for table in tables:
        name = f"{schema}.{table.name}"
        op.execute(
            f"SELECT create_hypertable('{name}', by_range('{table.time}', INTERVAL '{table.chunk}'),"
            " create_default_indexes => false)"
        )
        if licensed:
            op.execute(
                f"ALTER TABLE {name} SET (timescaledb.compress, timescaledb.compress_segmentby = 'device_id',"
                f" timescaledb.compress_orderby = '{table.time}, frame_id')"
            )
            op.execute(f"SELECT add_compression_policy('{name}', INTERVAL '{table.compress_after}')")


def _what_is_missing(connection: Connection) -> str | None:
    """Make sure of the extension; otherwise say why it cannot be used."""
    if _exists(connection, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
        return None
    if not _exists(connection, "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"):
        return "the server has no extension timescaledb"
    if not _exists(connection, "SELECT 1 WHERE current_setting('shared_preload_libraries') LIKE '%timescaledb%'"):
        return "timescaledb is installed but not in shared_preload_libraries"
    try:
        with connection.begin_nested():
            connection.execute(text("CREATE EXTENSION timescaledb"))
    except DBAPIError as error:
        return f"CREATE EXTENSION timescaledb: {error.orig}"
    return None


def _exists(connection: Connection, query: str) -> bool:
    return connection.scalar(text(query)) is not None
