"""The projection of command statuses."""

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import asyncpg
import pytest

from vt600_api.ingest.statuses import read_status, write_statuses
from vt600_bus import encode
from vt600_bus.records import CommandState, CommandStatus

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
STATES: tuple[CommandState, ...] = ("queued", "dispatched", "written", "acknowledged")


@pytest.fixture
def make_status() -> Callable[..., CommandStatus]:
    command_id = uuid.uuid4().hex

    def make(revision: int, **fields: Any) -> CommandStatus:
        values: dict[str, Any] = {"state": STATES[min(revision, 4) - 1], "args": {"output": 1, "on": True}} | fields
        return CommandStatus(
            command_id=command_id,
            revision=revision,
            device_id="143190975469",
            type="set_output",
            at=NOON + timedelta(seconds=revision),
            requested_at=NOON,
            requested_by="test",
            deadline_at=NOON + timedelta(minutes=1),
            **values,
        )

    return make


async def command(database: asyncpg.Connection, status: CommandStatus) -> asyncpg.Record:
    row = await database.fetchrow("SELECT * FROM fleet.commands WHERE command_id = $1", status.command_id)
    assert row is not None
    return row


async def test_a_status_is_stored_with_everything_it_says(
    database: asyncpg.Connection, make_status: Callable[..., CommandStatus]
) -> None:
    status = make_status(
        4,
        attempt=2,
        reason="late",
        listener_id="l",
        session_id="s",
        written=b"\x01",
        reply=b"\x00",
        reply_text="ok",
        cause="device",
        sequence_id="q",
        step=3,
    )

    await write_statuses(database, [read_status(encode(status))])

    row = dict(await command(database, status))
    assert row.pop("args") == '{"on": true, "output": 1}'
    assert row == {name: getattr(status, name) for name in row}


@pytest.mark.parametrize("order", list(permutations(range(1, 5)))[::5])
async def test_revisions_out_of_order_end_in_the_newest_state_and_all_transitions(
    database: asyncpg.Connection, make_status: Callable[..., CommandStatus], order: tuple[int, ...]
) -> None:
    for revision in order:
        await write_statuses(database, [make_status(revision)])
    await write_statuses(database, [make_status(revision) for revision in reversed(order)])

    row = await command(database, make_status(1))
    query = "SELECT state FROM fleet.command_transitions WHERE command_id = $1 ORDER BY revision"
    transitions = [each["state"] for each in await database.fetch(query, row["command_id"])]
    assert (row["revision"], row["state"]) == (4, "acknowledged")
    assert transitions == list(STATES)


@pytest.mark.parametrize("repeated_after_s", [0, 3])
async def test_a_command_that_the_api_stored_as_requested_is_moved_on(
    database: asyncpg.Connection, make_status: Callable[..., CommandStatus], repeated_after_s: float
) -> None:
    status = make_status(1)
    repeated_after = timedelta(seconds=repeated_after_s)
    await database.execute(
        "INSERT INTO fleet.commands (command_id, revision, device_id, type, state, at, requested_at, requested_by, deadline_at)"
        " VALUES ($1, 0, $2, $3, 'queued', $4, $4, 'test', $5)",
        status.command_id,
        status.device_id,
        status.type,
        status.requested_at + repeated_after,
        status.deadline_at + repeated_after,
    )

    await write_statuses(database, [status, make_status(2)])

    row = await command(database, status)
    assert (row["state"], row["requested_at"], row["deadline_at"]) == ("dispatched", NOON, status.deadline_at)


async def test_each_transition_keeps_its_cause_and_the_bytes_that_it_brought(
    database: asyncpg.Connection, make_status: Callable[..., CommandStatus]
) -> None:
    bytes_out, bytes_in = {"written": b"\x01"}, {"reply": b"\x02"}
    await write_statuses(
        database,
        [
            make_status(1, cause="request"),
            make_status(2, cause="dispatch"),
            make_status(3, cause="listener", **bytes_out),
            make_status(4, cause="device", **bytes_out, **bytes_in),
        ],
    )
    query = "SELECT cause, written, reply FROM fleet.command_transitions WHERE command_id = $1 ORDER BY revision"
    rows = [tuple(row) for row in await database.fetch(query, make_status(1).command_id)]

    assert rows == [
        ("request", None, None),
        ("dispatch", None, None),
        ("listener", b"\x01", None),
        ("device", None, b"\x02"),
    ]
