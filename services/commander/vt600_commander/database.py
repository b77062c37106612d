"""The commander's database: schema `commander`."""

from collections.abc import Awaitable, Callable

import asyncpg
from pydantic import SecretStr
from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase

SCHEMA = "commander"


class Base(DeclarativeBase):
    """The base of every table of this service."""

    metadata = MetaData(schema=SCHEMA, naming_convention={"pk": "pk_%(table_name)s"})


def connector(url: SecretStr) -> Callable[[], Awaitable[asyncpg.Connection]]:
    """What opens one connection."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url.get_secret_value())

    return connect


def create_engine(url: SecretStr) -> AsyncEngine:
    """An engine whose connections are tried before use, so that a restarted server costs one retry at most."""
    return create_async_engine(
        "postgresql+asyncpg://", async_creator=connector(url), pool_size=5, max_overflow=0, pool_pre_ping=True
    )


def create_session_factory(engine: AsyncEngine) -> async_sessionmaker[AsyncSession]:
    """Sessions for one transaction each."""
    return async_sessionmaker(engine, expire_on_commit=False)


# What a database that is away raises; `is_away` tells it from a statement that the database refused.
DATABASE_ERRORS = (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
_AWAY_CLASSES = ("08", "53", "57")  # connection, resources, operator intervention


def is_away(error: BaseException) -> bool:
    """Whether the database is not there at the moment, so that trying again helps."""
    if isinstance(error, DBAPIError):
        state = getattr(error.orig, "sqlstate", None) or ""
        return error.connection_invalidated or not state or state[:2] in _AWAY_CLASSES
    if isinstance(error, asyncpg.PostgresError):
        return (error.sqlstate or "")[:2] in _AWAY_CLASSES
    return not isinstance(error, SQLAlchemyError) or "Timeout" in type(error).__name__
