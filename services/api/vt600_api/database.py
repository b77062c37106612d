"""The database of the fleet: engine, session factory, and the base of all tables (schema `fleet`)."""

from collections.abc import Awaitable, Callable
from typing import cast

import asyncpg
from pydantic import SecretStr
from sqlalchemy import Dialect, MetaData, Text
from sqlalchemy.dialects.postgresql import UUID
from sqlalchemy.event import listen
from sqlalchemy.exc import DisconnectionError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool, ConnectionPoolEntry, PoolProxiedConnection
from sqlalchemy.types import TypeDecorator

SCHEMA = "fleet"

NAMING_CONVENTION = {
    "pk": "pk_%(table_name)s",
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
}


class Base(DeclarativeBase):
    """The base of every table of this service."""

    metadata = MetaData(schema=SCHEMA, naming_convention=NAMING_CONVENTION)


class DeviceKey(TypeDecorator[str]):
    """A device id: text in byte order, so that a page continues at the same place whatever the server's locale is."""

    impl = Text
    cache_ok = True

    def __init__(self) -> None:
        super().__init__(collation="C")


class HashKey(TypeDecorator[str]):
    """A 128-bit hash, 32 hex digits outside, 16 bytes in the table and in every index."""

    impl = UUID(as_uuid=False)
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:  # noqa: ARG002 - given by SQLAlchemy
        return None if value is None else str(value).replace("-", "")


def connector(url: SecretStr) -> Callable[[], Awaitable[asyncpg.Connection]]:
    """What opens one connection. asyncpg itself reads the address, so that it means the same for SQLAlchemy and for ingest."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url.get_secret_value())

    return connect


def create_engine(url: SecretStr, *, pool_size: int = 10) -> AsyncEngine:
    """An engine that uses no connection which the server has closed, so that a restarted server costs no request."""
    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connector(url), pool_size=pool_size, max_overflow=0
    )
    listen(engine.sync_engine, "checkout", _require_open)
    return engine


def _require_open(connection: PoolProxiedConnection, _record: ConnectionPoolEntry, _proxy: object) -> None:
    """The event loop has heard of the end of a connection; to ask the server, too, would cost every request a question."""
    if cast("asyncpg.Connection", connection.driver_connection).is_closed():
        raise DisconnectionError("the server closed the connection")


def pool_use(engine: AsyncEngine) -> Callable[[], float]:
    """The share of the pool's connections that are at work."""
    pool = cast("AsyncAdaptedQueuePool", engine.pool)
    return lambda: pool.checkedout() / pool.size()


def create_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions for one request each; what was loaded stays readable after the commit."""
    return async_sessionmaker(engine, expire_on_commit=False)
