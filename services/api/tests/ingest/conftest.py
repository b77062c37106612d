"""A migrated database, uplinks to fill it with, and consumers that read them with groups of their own."""

import asyncio
import hashlib
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import Struct
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vt600_api.ingest.admission import PendingPolicy
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.uplinks import UplinkWriter, prepare
from vt600_api.migrate import upgrade
from vt600_bus import KafkaSettings, Publisher, Topic
from vt600_bus.records import Report, ReportFields, Uplink
from vt600_bus.topics import REPORTS

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)

MakeUplink = Callable[..., Uplink]
Write = Callable[..., Awaitable[None]]
MakeWriter = Callable[..., Awaitable[Write]]


class RecordingPublisher(Publisher):
    """Takes everything at once and keeps the reports; never connects."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings(), client_id="recorder")
        self.reports: list[Report] = []
        self.traces: list[str | None] = []

    def publish(
        self,
        topic: Topic[Any],
        key: str,
        record: Struct,
        traceparent: str | None = None,
    ) -> asyncio.Future[None]:
        assert topic is REPORTS
        assert isinstance(record, Report)
        assert key == record.device_id
        self.reports.append(record)
        self.traces.append(traceparent)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


@pytest.fixture(scope="session")
def fleet_url(make_database: Callable[[], str]) -> str:
    """A database with every migration applied."""
    url = make_database()
    upgrade(SecretStr(url))
    return url


@pytest.fixture
async def database(fleet_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to look at the store with."""
    connection = await asyncpg.connect(fleet_url)
    yield connection
    await connection.close()


@pytest.fixture
async def writing(fleet_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as the ingest process has it."""
    connection = await asyncpg.connect(fleet_url)
    await prepare(connection)
    yield connection
    await connection.close()


@pytest.fixture
async def publisher() -> RecordingPublisher:
    """What stands for the bus where only the store is looked at."""
    return RecordingPublisher()


@pytest.fixture
def ingest(writing: asyncpg.Connection, publisher: Publisher) -> Callable[..., Awaitable[None]]:
    """Ingests the given uplinks as one batch."""
    writer = UplinkWriter(publisher, IngestMetrics(CollectorRegistry()))

    async def ingest(*uplinks: Uplink) -> None:
        await writer.write(writing, uplinks)

    return ingest


@pytest.fixture
def device_id() -> str:
    """A device of the test's own."""
    return f"t{uuid.uuid4().hex[:12]}"


@pytest.fixture
def make_uplink(device_id: str) -> MakeUplink:
    """Makes a valid position `at` seconds after noon; other words are fields of the report."""

    def make(
        at: float = 0.0,
        *,
        kind: str = "position",
        arrived: float | None = None,
        salt: str = "",
        code: str = "9955",
        **fields: Any,
    ) -> Uplink:
        device_time = NOON + timedelta(seconds=at)
        values: dict[str, Any] = {
            "kind": kind,
            "event": "interval",
            "device_time": device_time,
            "fix_valid": True,
            "latitude": 22.5 + at / 1e4,
            "longitude": 114.1,
            "speed_kmh": 40.0,
        } | fields
        report = ReportFields(**values) if kind in {"position", "alarm"} else None
        identity = f"{device_id}|{kind}|{at}|{salt}|{sorted(map(repr, fields.items()))}"
        return Uplink(
            frame_id=hashlib.blake2b(identity.encode(), digest_size=16).hexdigest(),
            device_id=device_id,
            dialect="binary",
            transport="tcp",
            peer="192.0.2.7:40001",
            listener_id="listener-1",
            session_id="session-1",
            generation=1,
            received_at=device_time + timedelta(seconds=1) if arrived is None else NOON + timedelta(seconds=arrived),
            kind=kind,  # type: ignore[arg-type]
            code=code,
            raw=identity.encode(),
            decoder="1",
            report=report,
        )

    return make


@pytest.fixture
def eventually() -> Callable[..., Awaitable[None]]:
    """Waits until a question has the expected answer; fails with the last answer when it never has."""

    async def eventually(ask: Callable[[], Awaitable[Any]], expected: object, timeout_s: float = 20.0) -> None:
        answer: object = None
        try:
            async with asyncio.timeout(timeout_s):
                while (answer := await ask()) != expected:
                    await asyncio.sleep(0.02)
        except TimeoutError:
            pytest.fail(f"expected {expected!r}, the last answer was {answer!r}")

    return eventually


@pytest.fixture(scope="module")
def emptied_url(make_database: Callable[[], str]) -> str:
    """A store of the module's own, for what looks at all that is in it."""
    made = make_database()
    upgrade(SecretStr(made))
    return made


@pytest.fixture
async def empty_store(emptied_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it; it is empty."""
    connection = await asyncpg.connect(emptied_url)
    await connection.execute(
        "TRUNCATE fleet.reports, fleet.frames, fleet.latest_positions, fleet.devices, fleet.trip_work, fleet.rejects"
    )
    yield connection
    await connection.close()


@pytest.fixture
def registry() -> CollectorRegistry:
    """Where the writers count."""
    return CollectorRegistry()


@pytest.fixture
async def make_writer(
    emptied_url: str, empty_store: asyncpg.Connection, publisher: RecordingPublisher, registry: CollectorRegistry
) -> AsyncIterator[MakeWriter]:
    """Makes writers with a policy, each with a connection of its own; they write batches of at most so many."""
    metrics = IngestMetrics(registry)
    async with AsyncExitStack() as stack:

        async def make(at_once: int = 5000, **policy: Any) -> Write:
            connection = await asyncpg.connect(emptied_url)
            stack.push_async_callback(connection.close)
            await prepare(connection)
            writing = UplinkWriter(publisher, metrics, PendingPolicy(**policy))

            async def write(*uplinks: Uplink) -> None:
                for at in range(0, len(uplinks), at_once):
                    await writing.write(connection, uplinks[at : at + at_once])

            return write

        yield make


@pytest.fixture
def dropped(registry: CollectorRegistry) -> Callable[[str], float]:
    """How many frames were dropped for a reason."""

    def dropped(reason: str) -> float:
        return registry.get_sample_value("vt600_ingest_pending_dropped_total", {"reason": reason}) or 0.0

    return dropped
