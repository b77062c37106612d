"""Pending devices that fell silent go with all that is stored of them, and nothing else does."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr

from vt600_api.devices.tables import KEPT_OF_A_DEVICE, TABLES_OF_A_DEVICE
from vt600_api.ingest.staging import CREATE_STAGING, KNOWN
from vt600_api.migrate import upgrade
from vt600_api.policies.forgetting import forget
from vt600_api.policies.settings import PolicySettings
from vt600_api.policies.store import enforce

pytestmark = pytest.mark.servers

NOW = datetime(2026, 5, 4, tzinfo=UTC)
LONG_AGO, LATELY = NOW - timedelta(days=31), NOW - timedelta(days=29)
BEFORE = NOW - timedelta(days=30)
DEVICE_TABLES = """
SELECT DISTINCT c.table_name FROM information_schema.columns c JOIN information_schema.tables t USING (table_schema, table_name)
WHERE c.table_schema = 'fleet' AND c.column_name = 'device_id' AND t.table_type = 'BASE TABLE'
"""
FILL = """
INSERT INTO fleet.devices (device_id, state, last_seen_at, pending_frames) VALUES ($1, $2, $3, $4);
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late)
    SELECT $1, $3::timestamptz - n * interval '1 minute', md5(n::text)::uuid, $3, 'binary', 'position', true, false
    FROM generate_series(1, $4) n;
INSERT INTO fleet.frames (device_id, received_at, frame_id, dialect, transport, peer, listener_id, session_id, generation,
                          kind, code, decoder, raw)
    SELECT device_id, device_time, frame_id, dialect, 'tcp', 'peer', 'l', 's', 1, kind, '9955', '1', '\\x2424'
    FROM fleet.reports WHERE device_id = $1;
INSERT INTO fleet.latest_positions (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late)
    SELECT device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late
    FROM fleet.reports WHERE device_id = $1 LIMIT 1;
INSERT INTO fleet.trips (device_id, started_at, last_report_at, certain_at, frame_id, reports)
    SELECT device_id, device_time, device_time, device_time, frame_id, 1 FROM fleet.latest_positions WHERE device_id = $1;
INSERT INTO fleet.stops (device_id, started_at, last_report_at, certain_at, frame_id, reports)
    SELECT device_id, device_time, device_time, device_time, frame_id, 1 FROM fleet.latest_positions WHERE device_id = $1;
INSERT INTO fleet.device_hours (device_id, start, reports, alarms, source_at) VALUES ($1, $3, 1, 0, $3);
INSERT INTO fleet.device_days (device_id, start, reports, alarms) VALUES ($1, $3, 1, 0);
INSERT INTO fleet.trip_work (device_id, since, until) VALUES ($1, $3, $3);
INSERT INTO fleet.device_sessions (device_id, generation, session_id, listener_id, dialect, transport, peer, state, changed_at, opened_at)
    VALUES ($1, 1, 's', 'l', 'binary', 'tcp', 'peer', 'closed', $3, $3);
INSERT INTO fleet.device_links (device_id, state, since, session_id, generation, listener_id, opened_at, transport, peer)
    VALUES ($1, 'offline', $3, 's', 1, 'l', $3, 'tcp', 'peer');
INSERT INTO fleet.desired_settings (device_id, setting, value, changed_at, changed_by, change_id, state, since, next_at)
    VALUES ($1, 'heartbeat_min', '5', $3, 'me', 'c', 'in_sync', $3, $3);
INSERT INTO fleet.trip_states (device_id) VALUES ($1)
"""


@pytest.fixture(scope="module")
def url(make_database: Callable[[], str]) -> str:
    """A store of these tests' own."""
    made = make_database()
    upgrade(SecretStr(made))
    return made


@pytest.fixture
async def store(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it; it is empty."""
    connection = await asyncpg.connect(url)
    await connection.execute(f"TRUNCATE {', '.join(f'fleet.{table}' for table in TABLES_OF_A_DEVICE)}")
    yield connection
    await connection.close()


@pytest.fixture
async def ingesting(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as ingest has it."""
    connection = await asyncpg.connect(url)
    await connection.execute(CREATE_STAGING)
    yield connection
    await connection.close()


async def fill(
    store: asyncpg.Connection, device_id: str, *, state: str = "pending", seen: datetime = LONG_AGO, frames: int = 3
) -> None:
    """A row at least in every table."""
    values = f"'{device_id}'::text", f"'{state}'", f"'{seen.isoformat()}'::timestamptz", str(frames)
    statement = FILL
    for number, value in enumerate(values, 1):
        statement = statement.replace(f"${number}", value)
    await store.execute(statement)


async def left(store: asyncpg.Connection) -> dict[str, set[str]]:
    """The devices of which rows are in a table."""
    return {
        table: {row["device_id"] for row in await store.fetch(f"SELECT device_id FROM fleet.{table}")}  # noqa: S608
        for table in TABLES_OF_A_DEVICE
    }


def everywhere(*devices: str) -> dict[str, set[str]]:
    """As `left`, when they are in every table."""
    return {table: set(devices) for table in TABLES_OF_A_DEVICE}


async def test_every_table_with_rows_of_devices_is_emptied_or_kept_knowingly(store: asyncpg.Connection) -> None:
    found = {row["table_name"] for row in await store.fetch(DEVICE_TABLES)}

    assert found == {*TABLES_OF_A_DEVICE, *KEPT_OF_A_DEVICE}


async def test_only_pending_devices_that_were_silent_for_long_are_forgotten(
    store: asyncpg.Connection, url: str
) -> None:
    await fill(store, "silent")
    await fill(store, "lately", seen=LATELY)
    await fill(store, "ours", state="active")
    before = await left(store)
    lines = await enforce(store, PolicySettings(database_url=SecretStr(url)), NOW)
    again = await enforce(store, PolicySettings(database_url=SecretStr(url)), NOW)

    assert all(devices == {"silent", "lately", "ours"} for devices in before.values())
    assert await left(store) == everywhere("lately", "ours")
    assert (lines[0], again[0]) == ("pending devices: 1 forgotten", "pending devices: 0 forgotten")


async def test_nobody_is_forgotten_when_the_operator_says_so(store: asyncpg.Connection, url: str) -> None:
    await fill(store, "silent")
    await enforce(store, PolicySettings(database_url=SecretStr(url), pending_days=0), NOW)

    assert await left(store) == everywhere("silent")


async def test_many_go_some_at_a_time(store: asyncpg.Connection) -> None:
    for number in range(230):
        await fill(store, f"s{number}", frames=1 if number % 50 else 9_000)

    assert await forget(store, BEFORE) == 230
    assert await left(store) == everywhere()


async def test_a_device_that_is_being_stored_is_left_whole(
    store: asyncpg.Connection, ingesting: asyncpg.Connection
) -> None:
    await fill(store, "silent")
    await fill(store, "back")
    async with ingesting.transaction():
        await ingesting.fetch(KNOWN, ["back"])
        forgotten = await forget(store, BEFORE)

    assert forgotten == 1
    assert await left(store) == everywhere("back")


async def test_a_device_that_comes_back_while_it_is_forgotten_is_a_new_one(
    store: asyncpg.Connection, ingesting: asyncpg.Connection
) -> None:
    await fill(store, "back")
    async with store.transaction():
        await store.fetch("SELECT FROM fleet.devices WHERE device_id = 'back' FOR UPDATE")
        asking = asyncio.create_task(ingesting.fetch(KNOWN, ["back"]))
        watching = (
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
        )
        while not await store.fetchval(watching):
            await store.execute("SELECT pg_stat_clear_snapshot()")
            await asyncio.sleep(0.01)
        await forget(store, BEFORE)

    assert await asking == []
    assert await left(store) == everywhere()


async def test_what_is_compressed_goes_too(store: asyncpg.Connection) -> None:
    if not await store.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"):
        pytest.skip("the server has no TimescaleDB")
    await fill(store, "silent", frames=150_000)
    await fill(store, "ours", state="active", frames=100)
    for table in ("reports", "frames"):
        await store.execute(f"SELECT compress_chunk(c) FROM show_chunks('fleet.{table}') c")  # noqa: S608
    await forget(store, BEFORE)

    assert await left(store) == everywhere("ours")
    assert await store.fetchval("SELECT count(*) FROM fleet.reports") == 100
