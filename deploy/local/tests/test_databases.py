"""Each service's role touches its own schema only."""

from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from vt600_local import databases
from vt600_local.databases import Databases
from vt600_local.postgres import Postgres
from vt600_local.server import StackError

pytestmark = pytest.mark.servers


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


@pytest.fixture
async def stores(own_postgres: Callable[[], Postgres], tmp_path: Path) -> Databases:
    url = own_postgres().url
    first = await databases.prepare(url, tmp_path / "passwords.json")
    again = await databases.prepare(url, tmp_path / "passwords.json")

    assert first == again
    assert (tmp_path / "passwords.json").stat().st_mode & 0o777 == 0o600
    return again


async def test_roles_touch_their_own_schema_only(stores: Databases) -> None:
    await _execute(stores.api, "CREATE TABLE fleet.mine AS SELECT 1 AS one")
    await _execute(stores.commander, "CREATE TABLE commander.mine AS SELECT 1 AS one")

    for url, statement in (
        (stores.commander, "SELECT * FROM fleet.mine"),
        (stores.commander, "CREATE TABLE fleet.foreign_table AS SELECT 1 AS one"),
        (stores.commander, "CREATE TABLE public.stray AS SELECT 1 AS one"),
        (stores.commander, "CREATE SCHEMA another"),
        (stores.api, "SELECT * FROM commander.mine"),
    ):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await _execute(url, statement)


async def test_a_server_is_described(stores: Databases) -> None:
    assert (await databases.describe(stores.api)).startswith("PostgreSQL 18")


async def test_a_database_that_cannot_be_used_is_one_sentence(stores: Databases) -> None:
    absent = stores.api.removesuffix("/vt600") + "/absent"

    with pytest.raises(StackError, match=r"/absent cannot be used .*: correct DATABASE_URL"):
        await databases.describe(absent)
