"""The database from the commander's side."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable

import asyncpg
import pytest
from pydantic import SecretStr
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander import command_queue
from vt600_commander.database import DATABASE_ERRORS, Store, create_engine, helps_to_wait

pytestmark = pytest.mark.servers

_PATIENCE_S = 30.0


@pytest.fixture
async def make_store(database_url: str) -> AsyncIterator[Callable[[], Store]]:
    """Makes stores that have connections of their own, as processes have."""
    engines = []

    def make() -> Store:
        engines.append(create_engine(SecretStr(database_url)))
        return Store(engines[-1])

    yield make
    for engine in engines:
        await engine.dispose()


def doing(statement: str, **values: object) -> Callable[[AsyncSession], Awaitable[object]]:
    async def work(db: AsyncSession) -> object:
        return await db.scalar(text(statement), values)

    return work


async def test_a_transaction_is_run_again_when_its_connection_is_cut(make_store: Callable[[], Store]) -> None:
    store, other = make_store(), make_store()
    runs = 0

    async def work(db: AsyncSession) -> int:
        nonlocal runs
        runs += 1
        pid = await db.scalar(text("SELECT pg_backend_pid()"))
        if runs == 1:
            await other.transact(doing("SELECT pg_terminate_backend(:pid, 5000)", pid=pid))
        await db.execute(text("SELECT 1"))
        return runs

    assert store.problem == "not asked yet"
    async with asyncio.timeout(_PATIENCE_S):
        assert await store.transact(work) == 2
    assert store.problem is None


async def test_a_deadlock_is_run_again(make_store: Callable[[], Store]) -> None:
    stores = make_store(), make_store()
    met = asyncio.Barrier(2)
    runs = 0

    def crosswise(first: int, second: int) -> Callable[[AsyncSession], Awaitable[None]]:
        async def work(db: AsyncSession) -> None:
            nonlocal runs
            runs += 1
            await db.execute(text(f"SELECT pg_advisory_xact_lock({first})"))
            if runs <= 2:
                await met.wait()
            await db.execute(text(f"SELECT pg_advisory_xact_lock({second})"))

        return work

    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.gather(stores[0].transact(crosswise(1, 2)), stores[1].transact(crosswise(2, 1)))

    assert runs == 3


@pytest.mark.parametrize(
    ("statement", "values"),
    [
        ("SELECT 1/0", {}),
        ("SELECT CAST(:value AS bigint)", {"value": 2**70}),
        ("SELECT CAST(:value AS text)", {"value": "\x00"}),
        ("SELECT CAST(:value AS bigint)", {"value": "text"}),
    ],
)
async def test_what_the_database_refuses_is_not_asked_again(
    make_store: Callable[[], Store], statement: str, values: dict[str, object]
) -> None:
    with pytest.raises(DATABASE_ERRORS) as refused:
        async with asyncio.timeout(_PATIENCE_S):
            await make_store().transact(doing(statement, **values))

    assert not helps_to_wait(refused.value)


async def test_what_a_migration_brings_is_waited_for(make_store: Callable[[], Store], database_url: str) -> None:
    table = f"t{uuid.uuid4().hex}"
    store = make_store()
    waiting = asyncio.create_task(store.transact(doing(f"SELECT count(*) FROM {table}")))  # noqa: S608
    async with asyncio.timeout(_PATIENCE_S):
        while store.problem in (None, "not asked yet"):
            await asyncio.sleep(0.01)
    connection = await asyncpg.connect(database_url)
    await connection.execute(f"CREATE TABLE {table} (id int)")
    await connection.close()
    async with asyncio.timeout(_PATIENCE_S):
        assert await waiting == 0


async def test_a_server_that_is_not_there_is_waited_for_and_named() -> None:
    engine = create_engine(SecretStr("postgresql://nobody@127.0.0.1:1/nothing"))
    store = Store(engine)
    waiting = asyncio.create_task(store.transact(doing("SELECT 1")))
    async with asyncio.timeout(_PATIENCE_S):
        while store.problem == "not asked yet":
            await asyncio.sleep(0.01)
    waiting.cancel()
    await engine.dispose()

    assert store.problem is not None
    assert "connect" in store.problem.lower()
    assert not waiting.done() or waiting.cancelled()


async def test_two_processes_never_work_on_one_device_at_once(make_store: Callable[[], Store]) -> None:
    stores = make_store(), make_store()
    inside: list[str] = []
    order: list[str] = []

    def on_devices(name: str, devices: list[str]) -> Callable[[AsyncSession], Awaitable[None]]:
        async def work(db: AsyncSession) -> None:
            await command_queue.lock_devices(db, devices)
            assert not inside
            inside.append(name)
            await db.execute(text("SELECT pg_sleep(0.01)"))
            inside.remove(name)
            order.append(name)

        return work

    async with asyncio.timeout(_PATIENCE_S):
        await asyncio.gather(
            *(stores[n % 2].transact(on_devices(f"{n}", ["a", f"b{n}"][:: 1 - n % 2 * 2])) for n in range(10))
        )

    assert len(order) == 10


async def test_many_devices_are_asked_for_in_one_statement(make_store: Callable[[], Store]) -> None:
    async def work(db: AsyncSession) -> list[str]:
        return await command_queue.devices_waiting(db, [f"d{n}" for n in range(50_000)])

    assert await make_store().transact(work) == []
