"""The schema, up and down."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Callable

import asyncpg
import pytest
from alembic import command
from pydantic import SecretStr

from vt600_commander.migrate import alembic_config, upgrade

pytestmark = pytest.mark.servers

TABLES = "SELECT array_agg(table_name::text ORDER BY table_name) FROM information_schema.tables WHERE table_schema = 'commander'"
ALL_TABLES = ["alembic_version", "attempts", "queued_commands", "status_outbox"]
FILL = """
INSERT INTO commander.queued_commands (command_id, device_id, type, args, command_class, queue, requested_at, requested_by,
    deadline_at, state, revision, attempt, written, downlink_published, listener_id, session_id, dispatched_at, payload, reply_code)
SELECT n, 'd', 'identify', '{}', 'query', 'until_deadline', now(), 'me', now(), 'written', 1, n,
    CASE WHEN n = 2 THEN '\\x00'::bytea END, n = 2, 'l', 's', now(), '\\x00', '9001' FROM generate_series(1, 2) n
"""


def ask(url: str, statement: str) -> object:
    """The first value that the statement gives."""

    async def run() -> object:
        connection = await asyncpg.connect(url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    return asyncio.run(run())


def test_a_filled_database_goes_up_step_by_step_and_down_again(make_database: Callable[[], str]) -> None:
    url = make_database()
    config = alembic_config(SecretStr(url))
    command.upgrade(config, "202611230440")
    ask(url, FILL)
    command.upgrade(config, "head")
    assert ask(url, TABLES) == ALL_TABLES
    known = "SELECT array_agg(tries || ' ' || published_attempt ORDER BY position) FROM commander.queued_commands"
    assert ask(url, known) == ["0 0", "2 2"]
    assert ask(url, "SELECT array_agg(command_id || attempt ORDER BY 1) FROM commander.attempts") == ["11", "22"]

    command.downgrade(config, "202611230440")
    held = "SELECT array_agg(downlink_published ORDER BY attempt) FROM commander.queued_commands"
    assert ask(url, held) == [False, True]
    command.downgrade(config, "base")
    assert ask(url, TABLES) == ["alembic_version"]
    command.upgrade(config, "head")
    assert ask(url, TABLES) == ALL_TABLES


def test_the_tables_are_those_of_the_models(make_database: Callable[[], str]) -> None:
    secret = SecretStr(make_database())
    upgrade(secret)

    command.check(alembic_config(secret))


def test_several_may_migrate_at_once(make_database: Callable[[], str]) -> None:
    url = make_database()
    environment = {**os.environ, "COMMANDER_DATABASE_URL": url}
    runs = [
        subprocess.Popen([sys.executable, "-m", "vt600_commander.migrate"], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert ask(url, TABLES) == ALL_TABLES


@pytest.mark.parametrize(
    "url", [None, "postgresql://nobody@127.0.0.1:1/nothing", "a user that the server does not know"]
)
def test_what_is_wrong_is_one_line(url: str | None, make_database: Callable[[], str]) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "COMMANDER_DATABASE_URL"}
    if url is not None:
        where = make_database().rsplit("@", 1)[1]
        environment["COMMANDER_DATABASE_URL"] = url if "://" in url else f"postgresql://nobody:x@{where}"

    done = subprocess.run(
        [sys.executable, "-m", "vt600_commander.migrate"], env=environment, capture_output=True, check=False
    )

    assert done.returncode != 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == b""
