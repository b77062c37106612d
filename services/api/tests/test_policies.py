"""What is kept how long, with and without a server that looks after it by itself."""

import asyncio
import os
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta

import asyncpg
import pytest
from pydantic import SecretStr

from vt600_api.migrate import upgrade
from vt600_api.policies.settings import PolicySettings
from vt600_api.policies.store import apply, enforce

pytestmark = pytest.mark.servers

NOW = datetime(2026, 5, 4, tzinfo=UTC)
FILL = """
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late)
    SELECT 'd', $1::timestamptz - n * interval '1 day', gen_random_uuid(), $1::timestamptz, 'binary', 'position', true, false FROM generate_series(1, 100) n
"""
FILL_FRAMES = """
INSERT INTO fleet.frames (device_id, received_at, frame_id, dialect, transport, peer, listener_id, session_id, generation,
                          kind, code, decoder, raw)
    SELECT 'd', device_time, frame_id, dialect, 'tcp', 'peer', 'l', 's', 1, kind, '9955', '1', '\\x2424' FROM fleet.reports
"""
FILL_REJECTS = """
INSERT INTO fleet.rejects (received_at, reject_id, peer, transport, listener_id, reason, detail, raw, total_bytes)
    SELECT device_time, gen_random_uuid(), 'peer', 'tcp', 'l', 'checksum', '', '', 0 FROM fleet.reports
"""
FILL_SESSIONS = """
INSERT INTO fleet.device_sessions (device_id, generation, session_id, listener_id, dialect, transport, peer, state, changed_at,
                                   opened_at, closed_at)
    SELECT 'd', n, 's', 'l', 'binary', 'tcp', 'peer', CASE n WHEN 100 THEN 'open' ELSE 'closed' END, $1::timestamptz,
        $1::timestamptz - interval '1 year', CASE n WHEN 100 THEN NULL ELSE $1::timestamptz - n * interval '1 day' END
    FROM generate_series(1, 100) n
"""
POLICIES = """
SELECT hypertable_name || ' ' || proc_name || ' ' || coalesce(config ->> 'drop_after', config ->> 'compress_after') AS policy
FROM timescaledb_information.jobs WHERE hypertable_schema = 'fleet' ORDER BY 1
"""


@pytest.fixture
def url(make_database: Callable[[], str]) -> str:
    """A store of the test's own, filled with a hundred days."""
    made = make_database()
    upgrade(SecretStr(made))
    asyncio.run(_fill(made))
    return made


async def _fill(url: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(FILL, NOW)
    await connection.execute(FILL_FRAMES)
    await connection.execute(FILL_REJECTS)
    await connection.execute(FILL_SESSIONS, NOW)
    await connection.close()


def settings(url: str, **days: int) -> PolicySettings:
    return PolicySettings.model_validate({"database_url": url, **days})


@pytest.fixture
async def connection(url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection to it."""
    made = await asyncpg.connect(url)
    yield made
    await made.close()


async def counts(connection: asyncpg.Connection) -> tuple[int, ...]:
    tables = ("reports", "frames", "rejects")
    return tuple([await connection.fetchval(f"SELECT count(*) FROM fleet.{name}") for name in tables])  # noqa: S608


async def has_timescale(connection: asyncpg.Connection) -> bool:
    return bool(await connection.fetchval("SELECT count(*) FROM pg_extension WHERE extname = 'timescaledb'"))


async def test_what_is_too_old_goes_and_the_rest_stays(url: str, connection: asyncpg.Connection) -> None:
    wanted = settings(url, frames_days=30, rejects_days=10, sessions_days=20)
    police = await has_timescale(connection)
    lines = await enforce(connection, wanted, NOW + timedelta(hours=1))
    again = await enforce(connection, wanted, NOW + timedelta(hours=1))
    reports, frames, rejects = await counts(connection)

    assert (reports, rejects) == (100, 9)
    assert frames == (100 if police else 29)
    assert lines[-2:] == ["device_sessions: 80 rows deleted", "rejects: 91 rows deleted"]
    assert await connection.fetchval("SELECT count(*) FROM fleet.device_sessions WHERE closed_at IS NULL") == 1
    assert again[-1] == "rejects: 0 rows deleted"


async def test_summaries_are_kept_for_days_of_their_own(url: str, connection: asyncpg.Connection) -> None:
    for table in ("device_hours", "device_days"):
        own = ", source_at" if table == "device_hours" else ""
        await connection.execute(
            f"INSERT INTO fleet.{table} (device_id, start, reports, alarms{own})"  # noqa: S608
            f" SELECT device_id, device_time, 1, 0{own and ', device_time'} FROM fleet.reports"
        )
    for_ever = await enforce(connection, settings(url), NOW + timedelta(hours=1))
    lines = await enforce(connection, settings(url, summaries_days=40), NOW + timedelta(hours=1))

    assert not any(line.startswith(("device_hours", "device_days")) for line in for_ever)
    assert lines[-2:] == ["device_hours: 61 rows deleted", "device_days: 61 rows deleted"]


async def test_applied_policies_are_those_of_the_settings_however_often(
    url: str, connection: asyncpg.Connection
) -> None:
    await apply(connection, settings(url, compress_after_days=7, reports_days=100, frames_days=50))
    lines = await apply(connection, settings(url, compress_after_days=21, frames_days=30, rejects_days=10))
    police = await has_timescale(connection)
    policies = [row["policy"] for row in await connection.fetch(POLICIES)] if police else []
    await connection.close()

    if police:
        assert lines[:2] == [
            "reports: compressed after 21 days, kept for ever",
            "frames: compressed after 21 days, kept 30 days",
        ]
        assert policies == [
            "frames policy_compression 21 days",
            "frames policy_retention 30 days",
            "reports policy_compression 21 days",
        ]
    else:
        assert lines[1] == "frames: the server has no policies for it; run `enforce` daily to keep 30 days"
    assert lines[2] == "device_sessions: the server has no policies for it; run `enforce` daily to keep 400 days"
    assert lines[3] == "rejects: the server has no policies for it; run `enforce` daily to keep 10 days"


def test_the_command_line(url: str) -> None:
    run = subprocess.run(
        [sys.executable, "-m", "vt600_api.policies", "enforce"],
        env={**os.environ, "STORE_DATABASE_URL": url, "STORE_REJECTS_DAYS": "-1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert (run.returncode, run.stdout) == (2, "")
    assert run.stderr.startswith("vt600-policies: STORE_REJECTS_DAYS: ")
