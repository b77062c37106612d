"""Whether the database answers."""

import asyncio

import asyncpg
import structlog
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

_PING_EVERY_S = 2.0

log = structlog.get_logger()


class DatabaseWatch:
    """Asks the database for a sign of life now and then; readiness reads the answer."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self.problem: str | None = "not asked yet"

    async def run(self) -> None:
        """For ever."""
        while True:
            try:
                async with asyncio.timeout(_PING_EVERY_S):
                    async with self._engine.connect() as connection:
                        await connection.execute(text("SELECT 1"))
                self.problem = None
            except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError, TimeoutError) as error:
                problem = str(error).splitlines()[0] if str(error) else type(error).__name__
                if problem != self.problem:
                    log.warning("store.unreachable", error=problem)
                self.problem = problem
            await asyncio.sleep(_PING_EVERY_S)
