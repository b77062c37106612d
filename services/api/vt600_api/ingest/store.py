"""One connection to the store that comes back by itself."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg
import structlog
from pydantic import SecretStr

_CONNECT_TIMEOUT_S = 10.0
_COMMAND_TIMEOUT_S = 120.0
_CLOSE_TIMEOUT_S = 2.0
_FIRST_PAUSE_S = 0.1
_LONGEST_PAUSE_S = 3.0

T = TypeVar("T")
Prepare = Callable[[asyncpg.Connection], Awaitable[None]]

log = structlog.get_logger()

# What the server or the driver says of one record's values; everything else is about the server or the link.
REFUSED = (
    asyncpg.DataError,
    asyncpg.IntegrityConstraintViolationError,
    asyncpg.ProgramLimitExceededError,
    ValueError,
    OverflowError,
)
AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)


class StoreConnection:
    """Use `run` for one transaction's worth of work, and have `keep` running so that an idle process reconnects too."""

    def __init__(self, url: SecretStr, *, name: str, prepare: Prepare | None = None) -> None:
        self._url = url
        self._name = name
        self._prepare = prepare
        self._connection: asyncpg.Connection | None = None
        self._connecting = asyncio.Lock()
        self._lost = asyncio.Event()
        self.problem: str | None = "not connected yet"

    async def keep(self) -> None:
        """Stay connected; cancelled at shutdown, when it closes the connection."""
        try:
            while True:
                await self._connected()
                await self._lost.wait()
        finally:
            await self._close()

    async def run(self, work: Callable[[asyncpg.Connection], Awaitable[T]]) -> T:
        """Do the work on a living connection. One of REFUSED is about the work; one of AWAY means: try again."""
        connection = await self._connected()
        try:
            return await work(connection)
        except REFUSED:
            raise
        except asyncio.CancelledError:
            self._drop()  # it may be in a transaction whose beginning was cut off
            raise
        except AWAY as error:
            self._drop()
            task = asyncio.current_task()
            if (
                task is not None and task.cancelling()
            ):  # the rollback of a cancelled transaction found the connection gone
                raise asyncio.CancelledError from error
            self._fail(error)
            raise

    async def _connected(self) -> asyncpg.Connection:
        pause = _FIRST_PAUSE_S
        async with self._connecting:
            while self._connection is None or self._connection.is_closed():
                try:
                    self._connection = await self._connect()
                except (*REFUSED, *AWAY) as error:
                    self._fail(error)
                    await asyncio.sleep(pause)
                    pause = min(pause * 2, _LONGEST_PAUSE_S)
            return self._connection

    async def _connect(self) -> asyncpg.Connection:
        connection = await asyncpg.connect(
            self._url.get_secret_value(),
            timeout=_CONNECT_TIMEOUT_S,
            command_timeout=_COMMAND_TIMEOUT_S,
            server_settings={"application_name": self._name},
        )
        try:
            if self._prepare is not None:
                await self._prepare(connection)
        except BaseException:
            connection.terminate()
            raise
        self._lost.clear()
        connection.add_termination_listener(self._on_termination)
        self.problem = None
        log.info("store.connected", connection=self._name)
        return connection

    def _on_termination(self, connection: object) -> None:
        if connection is self._connection:
            self.problem = self.problem or "connection lost"
            self._lost.set()

    def _fail(self, error: BaseException) -> None:
        reason = str(error) or type(error).__name__
        if reason != self.problem:
            log.warning("store.unreachable", connection=self._name, error=reason)
        self.problem = reason

    async def _close(self) -> None:
        """Say goodbye to the server, which would log a lost connection otherwise."""
        if self._connection is not None:
            with contextlib.suppress(*AWAY):
                await self._connection.close(timeout=_CLOSE_TIMEOUT_S)
        self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()
            self._lost.set()
