"""Fixtures of the servers that a test run starts itself: on free ports, once per run, only when a test asks for them."""

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FrameType
from typing import Any, NoReturn
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from vt600_bus import KafkaSettings, apply_topics
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres


def pytest_configure() -> None:
    """End a run that is told to terminate as Ctrl-C would, so that the servers are stopped."""

    def interrupt(_number: int, _frame: FrameType | None) -> NoReturn:
        raise KeyboardInterrupt

    signal.signal(signal.SIGTERM, interrupt)


def in_thread(work: Coroutine[Any, Any, Any]) -> Any:  # noqa: ANN401 - whatever the coroutine gives
    """Run a coroutine to its end from anywhere, also from inside another loop."""
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, work).result()


@pytest.fixture(scope="session")
def servers_folder() -> Iterator[Path]:
    """A folder for the data of the run's servers, removed at the end."""
    folder = Path(tempfile.mkdtemp(prefix="vt600-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def make_kafka(servers_folder: Path) -> Iterator[Callable[[], Kafka]]:
    """Starts brokers of their own, with all topics, for tests that stop or kill them."""
    started: list[Kafka] = []

    def make() -> Kafka:
        kafka = Kafka(servers_folder / f"kafka-{len(started)}")
        started.append(kafka)
        kafka.start()
        in_thread(apply_topics(KafkaSettings(bootstrap_servers=kafka.bootstrap_servers)))
        return kafka

    yield make
    for kafka in started:
        kafka.stop()


@pytest.fixture(scope="session")
def make_postgres(servers_folder: Path) -> Iterator[Callable[[], Postgres]]:
    """Starts PostgreSQL servers of their own, for tests that stop or kill them."""
    started: list[Postgres] = []

    def make() -> Postgres:
        postgres = Postgres(servers_folder / f"postgres-{len(started)}")
        started.append(postgres)
        postgres.start()
        return postgres

    yield make
    for postgres in started:
        postgres.stop()


@pytest.fixture(scope="session")
def kafka_servers(make_kafka: Callable[[], Kafka]) -> str:
    """The bootstrap address of the run's Kafka."""
    return make_kafka().bootstrap_servers


@pytest.fixture(scope="session")
def postgres_url(request: pytest.FixtureRequest) -> str:
    """The superuser's address of the run's PostgreSQL, or of the server that VT600_TEST_DATABASE_URL names."""
    given = os.environ.get("VT600_TEST_DATABASE_URL")
    url = given or request.getfixturevalue("make_postgres")().url
    has_timescaledb = in_thread(_fetch(url, "SELECT 1 FROM pg_available_extensions WHERE name = 'timescaledb'"))
    note = "with TimescaleDB" if has_timescaledb else "plain PostgreSQL, the server has no TimescaleDB"
    reporter = request.config.pluginmanager.get_plugin("terminalreporter")
    if reporter is not None:
        reporter.write_line(f"\nstore under test: {note}")
    return str(url)


@pytest.fixture(scope="session")
def make_database(postgres_url: str) -> Iterator[Callable[[], str]]:
    """Creates empty databases; gives the address of each, and drops them all at the end."""
    names: list[str] = []

    def make() -> str:
        name = f"vt600_test_{uuid.uuid4().hex[:12]}"
        in_thread(_execute(postgres_url, f"CREATE DATABASE {name}"))
        names.append(name)
        return urlunsplit(urlsplit(postgres_url)._replace(path=f"/{name}"))

    yield make
    for name in names:
        in_thread(_execute(postgres_url, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)"))


async def _execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()


async def _fetch(url: str, query: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(query)
    finally:
        await connection.close()
