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

from vt600_api.migrate import alembic_config, upgrade

pytestmark = pytest.mark.servers

FILL = """
INSERT INTO fleet.devices (device_id) SELECT 'd' || n FROM generate_series(1, 10) n;
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late)
    SELECT 'd' || n % 10, now() - n * interval '8 hours', gen_random_uuid(), now(), 'binary', 'position', true, false
    FROM generate_series(1, 300) n;
INSERT INTO fleet.latest_positions (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late)
    SELECT DISTINCT ON (device_id) device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, late
    FROM fleet.reports ORDER BY device_id, device_time DESC;
INSERT INTO fleet.frames (device_id, received_at, frame_id, dialect, transport, peer, listener_id, session_id, generation,
                          kind, code, decoder, raw)
    SELECT device_id, device_time, frame_id, dialect, 'tcp', 'peer', 'l', 's', 1, kind, '9955', '1', '\\x2424' FROM fleet.reports;
INSERT INTO fleet.rejects (received_at, reject_id, peer, transport, listener_id, reason, detail, raw, total_bytes)
    VALUES (now(), gen_random_uuid(), 'peer', 'tcp', 'l', 'checksum', '', '', 0);
INSERT INTO fleet.commands (command_id, revision, device_id, type, state, at, requested_at, requested_by, deadline_at)
    VALUES ('c', 0, 'd1', 'identify', 'queued', now(), now(), 'me', now());
INSERT INTO fleet.command_transitions (command_id, revision, state, at, attempt) VALUES ('c', 1, 'queued', now(), 0);
INSERT INTO fleet.idempotency_keys (caller, key, fingerprint, resource_id, created_at, claimed_until)
    VALUES ('me', 'k', '\\x00', 'c', now(), now());
INSERT INTO fleet.api_keys (name, key_hash) VALUES ('k', '\\x00');
INSERT INTO fleet.trips (device_id, started_at, last_report_at, certain_at, frame_id, reports)
    SELECT device_id, device_time, device_time, device_time, frame_id, 1 FROM fleet.latest_positions;
INSERT INTO fleet.stops (device_id, started_at, last_report_at, certain_at, frame_id, reports)
    SELECT device_id, device_time, device_time, device_time, frame_id, 1 FROM fleet.latest_positions;
INSERT INTO fleet.trip_work (device_id, since, until) SELECT device_id, device_time, device_time FROM fleet.latest_positions;
INSERT INTO fleet.device_sessions (device_id, generation, session_id, listener_id, dialect, transport, peer, state, changed_at, opened_at)
    SELECT device_id, 1, 's', 'l', 'binary', 'tcp', 'peer', 'open', now(), now() FROM fleet.devices;
INSERT INTO fleet.device_links (device_id, state, since, session_id, generation, listener_id, opened_at, transport, peer)
    SELECT device_id, 'online', now(), 's', 1, 'l', now(), 'tcp', 'peer' FROM fleet.devices;
INSERT INTO fleet.campaigns (campaign_id, requested_at, requested_by, changed_at, type, args, queue, is_limited, per_minute, max_open,
                             max_failed_share, min_ended)
    VALUES ('c', now(), 'me', now(), 'identify', '{}', 'never', false, 1, 1, 0.5, 1);
INSERT INTO fleet.campaign_devices (campaign_id, device_id) SELECT 'c', device_id FROM fleet.devices;
INSERT INTO fleet.desired_settings (device_id, setting, value, changed_at, changed_by, change_id, state, since, work, next_at)
    SELECT device_id, 'heartbeat_min', '5', now(), 'me', 'c', 'pending', now(), 'set', now() FROM fleet.devices;
INSERT INTO fleet.trip_states (device_id) VALUES ('d1');
INSERT INTO fleet.device_hours (device_id, start, reports, alarms, source_at)
    SELECT device_id, date_trunc('hour', device_time), 1, 0, device_time FROM fleet.latest_positions;
INSERT INTO fleet.device_days (device_id, start, reports, alarms)
    SELECT device_id, date_trunc('day', device_time), 1, 0 FROM fleet.latest_positions;
"""
TABLES = "SELECT table_name FROM information_schema.tables WHERE table_schema = 'fleet' ORDER BY 1"
ALL_TABLES = [
    "alembic_version",
    "api_keys",
    "campaign_devices",
    "campaigns",
    "command_transitions",
    "commands",
    "desired_settings",
    "device_days",
    "device_hours",
    "device_links",
    "device_sessions",
    "devices",
    "frames",
    "idempotency_keys",
    "latest_positions",
    "rejects",
    "reports",
    "stops",
    "trip_states",
    "trip_work",
    "trips",
]


def run_sql(url: str, statement: str) -> list[asyncpg.Record]:
    """What the statement gives; a script of several gives nothing."""

    async def run() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(url)
        try:
            if ";" in statement:
                await connection.execute(statement)
                return []
            return list(await connection.fetch(statement))
        finally:
            await connection.close()

    return asyncio.run(run())


def tables(url: str) -> list[str]:
    return [row["table_name"] for row in run_sql(url, TABLES)]


def test_a_filled_database_goes_down_and_up_again(make_database: Callable[[], str]) -> None:
    url = make_database()
    secret = SecretStr(url)
    upgrade(secret)
    run_sql(url, FILL)
    assert tables(url) == ALL_TABLES

    command.downgrade(alembic_config(secret), "base")
    assert tables(url) == ["alembic_version"]

    upgrade(secret)
    assert tables(url) == ALL_TABLES
    run_sql(url, FILL)


def test_the_tables_are_those_of_the_models(make_database: Callable[[], str]) -> None:
    secret = SecretStr(make_database())
    upgrade(secret)

    command.check(alembic_config(secret))


def test_migrating_again_changes_nothing_even_without_the_right_to_create_schemas(
    make_database: Callable[[], str],
) -> None:
    url = make_database()
    upgrade(SecretStr(url))
    role = f"role_{url.rsplit('_', 1)[1]}"
    name = url.rsplit("/", 1)[1]
    run_sql(url, f"CREATE ROLE {role} LOGIN PASSWORD 'a'; GRANT ALL ON SCHEMA fleet TO {role};"
                 f"GRANT ALL ON ALL TABLES IN SCHEMA fleet TO {role};")  # fmt: skip
    host = url.rsplit("@", 1)[1]
    try:
        upgrade(SecretStr(f"postgresql://{role}:a@{host}"))
    finally:
        run_sql(url, f"DROP OWNED BY {role}; DROP ROLE {role};")

    assert host.endswith(name)
    assert tables(url) == ALL_TABLES


def test_reports_and_frames_are_hypertables_that_compress_late_where_the_server_can(
    make_database: Callable[[], str],
) -> None:
    url = make_database()
    upgrade(SecretStr(url))
    if not run_sql(url, "SELECT 1 FROM pg_extension WHERE extname = 'timescaledb'"):
        assert run_sql(url, "SELECT 1 FROM pg_class WHERE relname = 'reports' AND relkind = 'r'")
        return

    hypertables = run_sql(
        url, "SELECT hypertable_name, compression_enabled FROM timescaledb_information.hypertables ORDER BY 1"
    )
    after = run_sql(
        url, "SELECT config->>'compress_after' FROM timescaledb_information.jobs WHERE hypertable_schema = 'fleet'"
    )
    assert [tuple(row) for row in hypertables] == [("frames", True), ("reports", True)]
    assert [row[0] for row in after] == ["14 days", "14 days"]


def test_several_may_migrate_at_once(make_database: Callable[[], str]) -> None:
    url = make_database()
    environment = {**os.environ, "API_DATABASE_URL": url}
    runs = [
        subprocess.Popen([sys.executable, "-m", "vt600_api.migrate"], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    outputs = [run.communicate(timeout=60)[0] for run in runs]

    assert [run.returncode for run in runs] == [0, 0, 0], outputs
    assert tables(url) == ALL_TABLES


@pytest.mark.parametrize("url", [None, "postgresql://nobody@127.0.0.1:1/nothing"])
def test_what_is_wrong_is_one_line(url: str | None) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "API_DATABASE_URL"}
    if url is not None:
        environment["API_DATABASE_URL"] = url

    done = subprocess.run(
        [sys.executable, "-m", "vt600_api.migrate"], env=environment, capture_output=True, check=False
    )

    assert done.returncode != 0
    assert len(done.stdout.splitlines()) == 1
    assert done.stderr == b""
