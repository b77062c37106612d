"""The few things that live as long as a request."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Path, Query, Request
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_api.auth import Caller, KeyRing, key_of
from vt600_api.errors import ApiError
from vt600_api.exports.connections import ExportConnections
from vt600_api.live.hub import Hub
from vt600_api.metrics import ApiMetrics
from vt600_api.settings import ApiSettings
from vt600_bus import Publisher
from vt600_runtime.tracing import OFF, Tracer


@dataclass(frozen=True, slots=True)
class Services:
    """What the process holds; kept in `app.state.services`. In `statements` each is a transaction of its own.
    `turns`: who may wait for Kafka with the database in hand."""

    settings: ApiSettings
    sessions: async_sessionmaker[AsyncSession]
    statements: async_sessionmaker[AsyncSession]
    keys: KeyRing
    exports: ExportConnections
    publisher: Publisher
    turns: asyncio.Semaphore
    hub: Hub
    metrics: ApiMetrics
    tracer: Tracer = OFF


def services_of(request: Request) -> Services:
    """What the process holds."""
    services: Services = request.app.state.services
    return services


async def get_services(request: Request) -> Services:
    """The same for routes; what is not a coroutine would run in a thread."""
    return services_of(request)


async def get_db(request: Request) -> AsyncIterator[AsyncSession]:
    """One transaction for the request, committed before the answer leaves."""
    async with services_of(request).sessions.begin() as db:
        yield db


async def take_turn(request: Request) -> AsyncIterator[None]:
    """Only so many requests at a time hold a connection of the database while they wait for Kafka: when it is slow, others still read."""
    services = services_of(request)
    try:
        async with asyncio.timeout(services.settings.bus_timeout_s):
            await services.turns.acquire()
    except TimeoutError:
        raise ApiError(503, "bus_unavailable", "Kafka is slow; nothing was queued. Try again.") from None
    try:
        yield
    finally:
        services.turns.release()


def caller_with(scope: str) -> Callable[[Request], Awaitable[Caller]]:
    """A dependency that lets in only callers with the scope."""

    async def check(request: Request) -> Caller:
        caller = await services_of(request).keys.caller(key_of(request))
        caller.require(scope)
        return caller

    return check


IN_TURN = [Depends(take_turn, scope="function")]
ServicesDep = Annotated[Services, Depends(get_services)]
Db = Annotated[AsyncSession, Depends(get_db, scope="function")]


async def get_bounded_db(request: Request, db: Db) -> AsyncSession:
    """The request's transaction, in which no statement may take long: the error is `query_timeout`."""
    milliseconds = str(round(services_of(request).settings.query_timeout_s * 1000))
    await db.execute(text("SELECT set_config('statement_timeout', :ms, true)"), {"ms": milliseconds})
    return db


BoundedDb = Annotated[AsyncSession, Depends(get_bounded_db)]
Reader = Annotated[Caller, Depends(caller_with("read:positions"))]
RawReader = Annotated[Caller, Depends(caller_with("read:raw"))]
DeviceWriter = Annotated[Caller, Depends(caller_with("write:devices"))]
CommandSender = Annotated[Caller, Depends(caller_with("send:commands"))]
DangerousSender = Annotated[Caller, Depends(caller_with("send:commands:dangerous"))]

STORABLE = "^[^\\x00]*$"  # PostgreSQL has no NUL in text

DeviceId = Annotated[
    str, Path(pattern="^[A-Za-z0-9]{1,20}$", description="The identity exactly as the device's frames carry it.")
]
Limit = Annotated[int, Query(ge=1, le=1000, description="Rows of one page.")]
CursorText = Annotated[str | None, Query(max_length=500, description="`next_cursor` of the page before.")]
