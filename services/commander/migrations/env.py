"""Runs migrations over asyncpg, in one transaction, one runner at a time; alembic's own table lives in our schema."""

import asyncio

from alembic import context
from sqlalchemy import Connection, pool, text
from sqlalchemy.ext.asyncio import create_async_engine

from vt600_commander.database import SCHEMA, connector
from vt600_commander.migrate import MigrateSettings
from vt600_commander.models import QueuedCommand

_LOCK = 0x76743630_30636D64  # any number that is ours alone

METADATA = QueuedCommand.metadata  # the import fills it with every table


def _migrate(connection: Connection) -> None:
    connection.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    known = connection.scalar(text("SELECT 1 FROM pg_namespace WHERE nspname = :name"), {"name": SCHEMA})
    if known is None:  # IF NOT EXISTS would demand the right to create schemas even then
        connection.execute(text(f"CREATE SCHEMA {SCHEMA}"))
    context.configure(
        connection=connection,
        target_metadata=METADATA,
        version_table_schema=SCHEMA,
        include_schemas=True,
        include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
        compare_server_default=True,
    )
    with context.begin_transaction():
        context.run_migrations()


async def _run() -> None:
    url = context.config.attributes.get("database_url") or MigrateSettings().database_url
    engine = create_async_engine("postgresql+asyncpg://", async_creator=connector(url), poolclass=pool.NullPool)
    async with engine.begin() as connection:
        await connection.run_sync(_migrate)
    await engine.dispose()


if context.is_offline_mode():
    raise SystemExit("migrations ask the server what it can do, so they do not run without one")
asyncio.run(_run())
