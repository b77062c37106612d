"""Connections of their own for files: a slow client never holds one that requests wait for."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import asyncpg
import structlog

from vt600_api.errors import ApiError

_CLOSE_S = 5.0

log = structlog.get_logger()


class ExportConnections:
    """Opens a connection for each file, and no more than `at_once` of them."""

    def __init__(
        self, connect: Callable[[], Awaitable[asyncpg.Connection]], *, at_once: int, query_timeout_s: float
    ) -> None:
        self._connect = connect
        self._free = at_once
        self._query_timeout_ms = round(query_timeout_s * 1000)

    @asynccontextmanager
    async def open(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection in a transaction that sees the store as it is now; ApiError `too_many_exports`.

        What runs on it is cancelled in the server when the file is no longer wanted.
        """
        if self._free <= 0:
            raise ApiError(429, "too_many_exports", "Too many files are being written; try again when one has ended.")
        self._free -= 1
        try:
            connection = await self._connect()
            try:
                await connection.execute(
                    f"BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL statement_timeout = {self._query_timeout_ms}"
                )
                yield connection
            finally:
                await _close(connection)
        finally:
            self._free += 1


async def _close(connection: asyncpg.Connection) -> None:
    """Say goodbye, which waits until the server has ended what it was doing; without manners when that takes long."""
    try:
        async with asyncio.timeout(_CLOSE_S):
            await connection.close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        log.warning("export.connection_lost", error=str(error) or type(error).__name__)
    finally:
        if not connection.is_closed():
            connection.terminate()
