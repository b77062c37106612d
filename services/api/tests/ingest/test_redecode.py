"""A decoder that was wrong, and a history put right: in the end the store is what it would have been."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.uplinks import UplinkWriter, prepare
from vt600_api.migrate import upgrade
from vt600_api.redecode.decoding import read_report
from vt600_api.redecode.run import Redecoder, Span
from vt600_bus import Publisher
from vt600_bus.records import ReportFields, Uplink
from vt600_protocol import DECODER_VERSION, PositionReport, decode_datagram, record_id
from vt600_protocol.binary.framing import build

from .trip_workers import Workers

pytestmark = pytest.mark.servers

MORNING = datetime(2026, 5, 4, 6, 0, tzinfo=UTC)
EVER = Span(MORNING - timedelta(days=1), MORNING + timedelta(days=2))
DEVICE, OTHER = "143190975469", "143190975470"

Read = Callable[[bytes, str], ReportFields | None]
Ingest = Callable[[list[Uplink]], Awaitable[None]]


def wrong_hemisphere(raw: bytes, frame_id: str) -> ReportFields | None:
    """A decoder with a bug."""
    fields = read_report(raw, frame_id)
    assert fields is not None
    assert fields.latitude is not None
    return structs.replace(fields, latitude=-fields.latitude)


def wrong_day(raw: bytes, frame_id: str) -> ReportFields | None:
    """A decoder that is a day ahead: reports stand in the wrong place of the table."""
    fields = read_report(raw, frame_id)
    assert fields is not None
    assert fields.device_time is not None
    return structs.replace(fields, device_time=fields.device_time + timedelta(days=1))


def uplink(device_id: str, at_s: int, arrived_s: int, read: Read, *, code: str = "9955") -> Uplink:
    """A frame of the device's morning, as a listener with that decoder published it."""
    moment = MORNING + timedelta(seconds=at_s)
    moving, status = ("10.00", "2400") if at_s < 2400 else ("0.00", "2000")  # input 3 is the ignition
    place = min(at_s, 2400) * 2
    text = f"{moment:%H%M%S}.000,A,0753.{place:04d},N,09822.1778,E,{moving},90,{moment:%d%m%y},,*13|0.9|7|{status}|0000,0000,0100,0289"
    raw = build(b"$$", device_id, code, (b"\x01" if code == "9999" else b"") + text.encode())
    (message,) = decode_datagram(raw).messages
    assert isinstance(message, PositionReport)
    frame_id = record_id(message)
    fields = read(raw, frame_id)
    assert fields is not None
    return Uplink(
        frame_id=frame_id, device_id=device_id, dialect="binary", transport="tcp", peer="192.0.2.7:40001",
        listener_id="listener-1", session_id="session-1", generation=1, received_at=MORNING + timedelta(seconds=arrived_s),
        kind=fields.kind, code=code, raw=raw, decoder="0", report=fields,
    )  # fmt: skip


def a_morning(read: Read, device_id: str = DEVICE) -> list[Uplink]:
    """Positions, an alarm, a late upload, one record sent twice."""
    live = [uplink(device_id, at, at + 1, read) for at in range(0, 3600, 60)]
    late = [uplink(device_id, at, at + 4000, read) for at in range(30, 600, 60)]
    alarm = uplink(device_id, 1801, 1802, read, code="9999")
    again = uplink(device_id, 600, 5000, read)
    return sorted([*live, *late, alarm, again], key=lambda one: one.received_at)


@pytest.fixture
def url(make_database: Callable[[], str]) -> str:
    """An empty store of the test's own, with every migration applied."""
    made = make_database()
    upgrade(SecretStr(made))
    return made


@pytest.fixture
async def store(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it as ingest has it."""
    connection = await asyncpg.connect(url)
    await prepare(connection)
    yield connection
    await connection.close()


@pytest.fixture
def ingest(store: asyncpg.Connection, publisher: Publisher) -> Ingest:
    """Ingests a list in batches of a few."""
    writer = UplinkWriter(publisher, IngestMetrics(CollectorRegistry()))

    async def ingest(uplinks: list[Uplink]) -> None:
        for at in range(0, len(uplinks), 7):
            await writer.write(store, uplinks[at : at + 7])

    return ingest


@pytest.fixture
async def other(url: str) -> AsyncIterator[asyncpg.Connection]:
    """Another connection."""
    connection = await asyncpg.connect(url)
    yield connection
    await connection.close()


async def contents(store: asyncpg.Connection) -> dict[str, list[tuple[Any, ...]]]:
    """All that users read."""
    tables = {
        "reports": "device_id, device_time, frame_id",
        "latest_positions": "device_id",
        "trips": "device_id, started_at",
        "stops": "device_id, started_at",
        "device_hours": "device_id, start",
        "device_days": "device_id, start",
    }
    return {
        table: [tuple(row) for row in await store.fetch(f"SELECT * FROM fleet.{table} ORDER BY {order}")]  # noqa: S608
        for table, order in tables.items()
    }


async def wipe(store: asyncpg.Connection) -> None:
    for table in (*await contents(store), "frames", "devices", "trip_states", "trip_work"):
        await store.execute(f"DELETE FROM fleet.{table}")  # noqa: S608


@pytest.mark.parametrize("bug", [wrong_hemisphere, wrong_day])
async def test_after_a_redecode_the_store_is_what_it_would_have_been(
    url: str, store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest, bug: Read
) -> None:
    async with Workers(url) as workers:
        worker = workers.make()
        await ingest(a_morning(read_report) + a_morning(read_report, OTHER))
        await worker.round()
        expected = await contents(store)
        await wipe(store)
        await ingest(a_morning(bug) + a_morning(bug, OTHER))
        await worker.round()
        before = await contents(store)
        redecoder = Redecoder(other, EVER, dry_run=False)
        stopped_at = await redecoder.run()
        await worker.round()

    assert all(before[table] != expected[table] for table in expected)
    assert stopped_at is None
    assert await contents(store) == expected
    assert redecoder.outcome.changed == len(expected["reports"])
    assert await store.fetchval("SELECT count(*) FROM fleet.frames WHERE decoder <> $1", DECODER_VERSION) == 0


async def test_a_dry_run_tells_and_changes_nothing(
    store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest
) -> None:
    await ingest(a_morning(wrong_hemisphere))
    before = await contents(store)
    redecoder = Redecoder(other, EVER, dry_run=True)
    await redecoder.run()
    lines = list(redecoder.outcome.lines())

    assert await contents(store) == before
    assert lines[0] == f"{len(a_morning(read_report))} frames read, {len(before['reports'])} reports compared"
    assert "latitude: 71" in " ".join(lines)
    assert sum("→" in line for line in lines) == 10


async def test_a_history_that_is_right_stays_as_it_is(
    store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest
) -> None:
    await ingest(a_morning(read_report))
    before = await contents(store)
    redecoder = Redecoder(other, EVER, dry_run=False)
    await redecoder.run(DEVICE)

    assert (redecoder.outcome.changed, redecoder.outcome.added, redecoder.outcome.removed) == (0, 0, 0)
    assert await contents(store) == before


async def test_only_the_span_is_read_again(
    store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest
) -> None:
    await ingest(a_morning(wrong_hemisphere))
    span = Span(MORNING + timedelta(minutes=10), MORNING + timedelta(minutes=20))
    redecoder = Redecoder(other, span, dry_run=False)
    await redecoder.run(DEVICE)
    mended = await store.fetchval("SELECT count(*) FROM fleet.reports WHERE latitude > 0")

    assert mended == redecoder.outcome.changed == 10


async def test_a_run_that_was_stopped_is_taken_up_where_it_was(
    store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest
) -> None:
    await ingest(a_morning(wrong_hemisphere) + a_morning(wrong_hemisphere, OTHER))
    answers = iter((False, True))
    first = Redecoder(other, EVER, dry_run=False, stopped=lambda: next(answers))
    stopped_at = await first.run()
    await other.execute("DROP TABLE staging")
    second = Redecoder(other, EVER, dry_run=False)
    end = await second.run(from_device=stopped_at or "")

    assert stopped_at == OTHER
    assert end is None
    assert await store.fetchval("SELECT count(*) FROM fleet.reports WHERE latitude < 0") == 0


async def test_what_is_no_report_any_more_goes_and_what_became_one_comes(
    store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest
) -> None:
    uplinks = a_morning(read_report)
    await ingest(uplinks)
    expected = await contents(store)
    await Redecoder(other, EVER, dry_run=False, read=lambda _raw, _frame_id: None).run(DEVICE)
    emptied = await contents(store)
    await other.execute("DROP TABLE staging")
    redecoder = Redecoder(other, EVER, dry_run=False)
    await redecoder.run(DEVICE)

    assert not any(emptied.values())
    assert redecoder.outcome.added == len(expected["reports"])
    assert await contents(store) == expected


async def test_ingest_goes_on_meanwhile(store: asyncpg.Connection, other: asyncpg.Connection, ingest: Ingest) -> None:
    live = [uplink(DEVICE, at, at + 1, read_report) for at in range(7200, 9000, 30)]
    await ingest(a_morning(read_report) + live)
    expected = await contents(store)
    await wipe(store)
    await ingest(a_morning(wrong_hemisphere))
    span = Span(MORNING, MORNING + timedelta(seconds=7000))
    await asyncio.gather(Redecoder(other, span, dry_run=False).run(DEVICE), ingest(live))

    assert await contents(store) == expected


def test_the_command_line_says_what_is_missing() -> None:
    environment = {name: value for name, value in os.environ.items() if name != "API_DATABASE_URL"}
    run = subprocess.run(
        [sys.executable, "-m", "vt600_api.redecode", "--dry-run"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr == "vt600-redecode: API_DATABASE_URL is not set\n"
