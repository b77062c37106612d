"""The commander's database: schema `commander`."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import asyncpg
import structlog
from pydantic import SecretStr
from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase
from sqlalchemy.pool import AsyncAdaptedQueuePool

T = TypeVar("T")

SCHEMA = "commander"

# What statements raise; `helps_to_wait` tells a database that is away from a statement that it refused.
DATABASE_ERRORS = (OSError, TimeoutError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError)
# Connection, password, no database, no schema, rolled back (deadlock), resources, operator intervention. A password is put right, a
# database made and migrated without us; until then tables, columns and rights may be missing.
_RETRY_CLASSES = ("08", "28", "3D", "3F", "40", "53", "57")
_RETRY_STATES = ("42P01", "42501", "42703")
_FIRST_PAUSE_S = 0.5
_LONGEST_PAUSE_S = 3.0

log = structlog.get_logger()


class Base(DeclarativeBase):
    """The base of every table of this service."""

    metadata = MetaData(schema=SCHEMA, naming_convention={"pk": "pk_%(table_name)s"})


def connector(url: SecretStr) -> Callable[[], Awaitable[asyncpg.Connection]]:
    """What opens one connection. Plans are made anew each time: one of a queue that was empty would be kept when it is full."""

    async def connect() -> asyncpg.Connection:
        return await asyncpg.connect(url.get_secret_value(), server_settings={"plan_cache_mode": "force_custom_plan"})

    return connect


def create_engine(url: SecretStr) -> AsyncEngine:
    """An engine whose connections are not tried before use: a cut one costs a retry, which `Store` makes anyway."""
    return create_async_engine("postgresql+asyncpg://", async_creator=connector(url), pool_size=5, max_overflow=0)


def pool_use(engine: AsyncEngine) -> Callable[[], float]:
    """The share of the pool's connections that are at work."""
    pool = cast("AsyncAdaptedQueuePool", engine.pool)
    return lambda: pool.checkedout() / pool.size()


class Store:
    """The database as the process sees it; `problem` says why it is not there."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._sessions = async_sessionmaker(engine, expire_on_commit=False)
        self.problem: str | None = "not asked yet"

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        """Run one transaction until the database takes it. What it refuses for good is raised."""
        pause_s = _FIRST_PAUSE_S
        while True:
            try:
                async with self._sessions.begin() as db:
                    result = await work(db)
            except DATABASE_ERRORS as error:
                if not helps_to_wait(error):
                    raise
                problem = str(error).splitlines()[0] if str(error) else type(error).__name__
                if problem != self.problem:
                    log.warning("database.unreachable", error=problem)
                self.problem = problem
                await asyncio.sleep(pause_s)
                pause_s = min(pause_s * 2, _LONGEST_PAUSE_S)
            else:
                self.problem = None
                return result


def helps_to_wait(error: BaseException) -> bool:
    """Whether the database is only away, or busy, at the moment: the same statements may work later."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return True
        cause = error.orig.__cause__ if error.orig is not None else None
        return cause is None or (isinstance(cause, DATABASE_ERRORS) and helps_to_wait(cause))
    if isinstance(error, asyncpg.PostgresError):
        state = error.sqlstate or ""
        return state[:2] in _RETRY_CLASSES or state in _RETRY_STATES
    if isinstance(error, asyncpg.InterfaceError):
        return not isinstance(error, ValueError)  # a value that cannot be sent is no matter of time
    return not isinstance(error, SQLAlchemyError) or "Timeout" in type(error).__name__
