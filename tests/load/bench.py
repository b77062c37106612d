"""What the benchmarks share: servers, processes, clocks, and how figures are printed."""

import asyncio
import contextlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import uuid
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import psutil
from aiokafka import AIOKafkaConsumer, TopicPartition
from tests.gateway import Gateway

from vt600_bus import KafkaSettings, apply_topics
from vt600_bus.topics import UPLINKS
from vt600_local.home import CHECKOUT
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres


class Bench:
    """Fresh servers in a folder of their own, and a gateway on them.

    With VT600_TEST_DATABASE_URL a fresh database on that server, which must run here; VT600_TEST_DATABASE_LOG may name its log.
    """

    def __init__(self, folder: Path, stack: ExitStack, settings: Mapping[str, str] | None) -> None:
        folder.chmod(0o711)
        self.kafka = Kafka(folder / "kafka")
        stack.callback(self.kafka.stop)
        self.kafka.start()
        given = os.environ.get("VT600_TEST_DATABASE_URL")
        if given is None:
            postgres = _start_postgres(folder, stack)
            self.database_url = postgres.url
            self.database_log: Path | None = postgres.log
        else:
            self.database_url, self.database_log = _make_database(given, stack), _log_of_given()
        self.kafka_settings = KafkaSettings(bootstrap_servers=self.kafka.bootstrap_servers)
        asyncio.run(apply_topics(self.kafka_settings))
        self.gateway = Gateway(
            folder,
            kafka_servers=self.kafka.bootstrap_servers,
            database_url=self.database_url,
            log_level="warning",
            settings=settings,
        )
        stack.callback(self.gateway.stop)

    async def wait_for_uplinks(self, count: int) -> None:
        """Wait until Kafka holds that many uplink records."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka.bootstrap_servers)
        await consumer.start()
        try:
            partitions = [TopicPartition(UPLINKS.name, number) for number in range(UPLINKS.partitions)]
            while sum((await consumer.end_offsets(partitions)).values()) < count:
                await asyncio.sleep(0.02)
        finally:
            await consumer.stop()

    def query(self, statement: str) -> Any:
        """One value from the store."""

        return asyncio.run(_fetch(self.database_url, statement))

    @property
    def has_timescale(self) -> bool:
        """Whether the store is one of hypertables."""
        return bool(self.query("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"))

    def size_of(self, table: str) -> int:
        """Bytes of a table that grows, with its indexes."""
        function = "hypertable_size" if self.has_timescale else "pg_total_relation_size"
        return int(self.query(f"SELECT {function}('fleet.{table}')"))

    @property
    def postgres_pid(self) -> int:
        """The parent of all server processes."""
        return int(self.query("SELECT split_part(pg_read_file('postmaster.pid'), chr(10), 1)"))


def _start_postgres(folder: Path, stack: ExitStack) -> Postgres:
    server = Postgres(
        folder / "postgres", settings={"shared_buffers": "1GB", "max_wal_size": "8GB", "track_commit_timestamp": "on"}
    )
    stack.callback(server.stop)
    server.start()
    return server


def _log_of_given() -> Path | None:
    log = os.environ.get("VT600_TEST_DATABASE_LOG")
    return None if log is None else Path(log)


def _make_database(server: str, stack: ExitStack) -> str:
    name = f"vt600_load_{uuid.uuid4().hex[:12]}"
    asyncio.run(_fetch(server, f"CREATE DATABASE {name}"))
    stack.callback(lambda: asyncio.run(_fetch(server, f"DROP DATABASE {name} WITH (FORCE)")))
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


async def _fetch(url: str, statement: str) -> Any:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


@contextmanager
def bench(settings: Mapping[str, str] | None = None) -> Iterator[Bench]:
    """Servers for one benchmark, stopped and removed at its end. `settings` are for the gateway's processes."""
    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="vt600-load-"))
        yield Bench(Path(folder), stack, settings)


def cpu_s(pid: int) -> float:
    """CPU seconds of a process and its children so far."""
    total = 0.0
    with contextlib.suppress(psutil.NoSuchProcess):
        process = psutil.Process(pid)
        for one in (process, *process.children(recursive=True)):
            with contextlib.suppress(psutil.NoSuchProcess):
                times = one.cpu_times()
                total += times.user + times.system
    return total


class Flood:
    """The load generator as a process: made, connected and logged in when the constructor returns."""

    def __init__(
        self,
        port: int,
        *,
        links: int,
        frames: int = 0,
        rate: float | None = None,
        login: bool = True,
        first_number: int = 100_000,
    ) -> None:
        command = [sys.executable, "-m", "tests.load.flood", "--port", str(port), "--links", str(links)]
        command += ["--frames", str(frames), "--first-number", str(first_number)]
        command += ["--rate", str(rate)] if rate else []
        command += [] if login else ["--no-login"]
        self._process = subprocess.Popen(
            command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        self._expect("ready")

    def begin(self) -> None:
        """Start writing."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def result(self) -> dict[str, float]:
        """Wait until everything is written: when it began and ended, and how many frames."""
        assert self._process.stdout is not None
        found: dict[str, float] = json.loads(self._process.stdout.readline())
        return found

    def close(self) -> None:
        """Hang up."""
        if self._process.stdin is not None:
            self._process.stdin.close()
        self._process.wait(30)

    def _expect(self, word: str) -> None:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if line != word:
            raise RuntimeError(f"the load generator said {line!r}")


def figure(name: str, value: str, target: str = "") -> None:
    """One line of the result."""
    print(f"  {name:58} {value:>24}   {target}", flush=True)


def median(values: Sequence[float]) -> float:
    return statistics.median(values)


def percentiles(seconds: Sequence[float]) -> str:
    """p50 and p99 in milliseconds."""
    ordered = sorted(seconds)
    p99 = ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))]
    return f"p50 {statistics.median(ordered) * 1000:.1f} ms, p99 {p99 * 1000:.1f} ms"
