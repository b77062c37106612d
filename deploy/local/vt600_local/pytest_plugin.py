"""Fixtures of the servers that a test run starts itself: on free ports, once per run, only when a test asks for them.

They are stopped when the run ends, also by Ctrl-C or SIGTERM; after a kill -9 of the run the kernel ends them.
"""

import asyncio
import os
import shutil
import signal
import tempfile
import threading
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn, TypeVar
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from vt600_bus import KafkaSettings, apply_topics
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres

T = TypeVar("T")

_DATABASE_VARIABLE = "VT600_TEST_DATABASE_URL"
_store = pytest.StashKey[str]()


def pytest_configure() -> None:
    """End a run that is told to terminate as Ctrl-C would, so that the servers are stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, interrupt)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what the store's tests ran on."""
    terminalreporter.write_line(f"store under test: {config.stash.get(_store, 'none was needed')}")


def in_thread(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine to its end from anywhere, also from inside another loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder for the data of the run's servers, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="vt600-test-"))
    folder.chmod(0o711)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def kafka_servers(servers_folder: Path) -> Iterator[str]:
    """The bootstrap address of the run's Kafka, with all topics."""
    with ExitStack() as started:
        yield _start_kafka(servers_folder, started).bootstrap_servers


@pytest.fixture
def own_kafka(servers_folder: Path) -> Iterator[Callable[[], Kafka]]:
    """Starts brokers with all topics that belong to one test, which may kill and start them again."""
    with ExitStack() as started:
        yield lambda: _start_kafka(servers_folder, started)


@pytest.fixture
def own_postgres(servers_folder: Path) -> Iterator[Callable[[], Postgres]]:
    """Starts PostgreSQL servers that belong to one test, which may kill and start them again."""
    with ExitStack() as started:
        yield lambda: _start_postgres(servers_folder, started)


@pytest.fixture(scope="session")
def postgres_url(servers_folder: Path, request: pytest.FixtureRequest) -> Iterator[str]:
    """The superuser's address of the run's PostgreSQL, or of the server that VT600_TEST_DATABASE_URL names."""
    with ExitStack() as started:
        url = os.environ.get(_DATABASE_VARIABLE) or _start_postgres(servers_folder, started).url
        request.config.stash[_store] = in_thread(_describe(url))
        yield url


@pytest.fixture(scope="session")
def make_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Creates empty databases; gives the address of each, and drops them all at the end."""
    with ExitStack() as made:

        def make() -> str:
            name = f"vt600_test_{uuid.uuid4().hex[:12]}"
            in_thread(_execute(postgres_url, f"CREATE DATABASE {name}"))
            made.callback(lambda: in_thread(_execute(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")))
            return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

        yield make


def _start_kafka(folder: Path, started: ExitStack) -> Kafka:
    kafka = Kafka(folder / f"kafka-{uuid.uuid4().hex[:8]}")
    started.callback(kafka.stop)
    kafka.start()
    in_thread(apply_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)))
    return kafka


def _start_postgres(folder: Path, started: ExitStack) -> Postgres:
    postgres = Postgres(folder / f"postgres-{uuid.uuid4().hex[:8]}")
    started.callback(shutil.rmtree, postgres.folder, ignore_errors=True)
    started.callback(postgres.stop)
    postgres.start()
    return postgres


async def _describe(url: str) -> str:
    connection = await asyncpg.connect(url)
    try:
        version = await connection.fetchval("SHOW server_version")
        extension = await connection.fetchval(
            "SELECT default_version FROM pg_available_extensions WHERE name = 'timescaledb'"
        )
    finally:
        await connection.close()
    if extension is None:
        return f"PostgreSQL {version} without TimescaleDB ({_DATABASE_VARIABLE} may name a server that has it)"
    return f"PostgreSQL {version} with TimescaleDB {extension}"


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
