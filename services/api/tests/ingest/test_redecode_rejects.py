"""Frames that an older decoder refused: in the end the store is what it would have been."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from msgspec import structs

from vt600_api.ingest.admission import PendingPolicy
from vt600_api.ingest.rejects import write_rejects
from vt600_api.redecode.accepting import read_uplinks
from vt600_api.redecode.decoding import read_report
from vt600_api.redecode.rejects import RejectOutcome, RejectRedecoder
from vt600_api.redecode.run import Redecoder, Span
from vt600_bus.records import Reject, Uplink
from vt600_listener.details import details_of, kind_of
from vt600_local.home import CHECKOUT
from vt600_protocol import decode_datagram, encode_login

from .scanning import contents, count
from .test_redecode import DEVICE, MORNING, OTHER, uplink

if TYPE_CHECKING:
    from ingest.conftest import MakeWriter

pytestmark = pytest.mark.servers

EVER = Span(MORNING - timedelta(days=1), MORNING + timedelta(days=2))
LOGIN = encode_login(DEVICE)
RUBBISH = b"GET / HTTP/1.1\r\n\r\n"

Run = Callable[..., Awaitable[RejectOutcome]]


def refused(raw: bytes, arrived_s: int, **values: Any) -> Reject:
    """The bytes as a listener refused them."""
    usual = {"reason": "content", "total_bytes": len(raw), "session_id": "session-1", "peer": "192.0.2.7:40001"}
    return Reject(
        transport="tcp", listener_id="listener-1", received_at=MORNING + timedelta(seconds=arrived_s), detail="", raw=raw,
        **{**usual, **values},
    )  # fmt: skip


def a_morning() -> list[Uplink]:
    return [uplink(DEVICE, at, at + 1, read_report) for at in range(0, 600, 60)] + [
        uplink(OTHER, at, at + 1, read_report) for at in range(0, 300, 60)
    ]


@pytest.fixture
def run(emptied_url: str) -> Run:
    """Goes through the rejects over a connection of its own."""

    async def run(*, dry_run: bool = False, span: Span = EVER, **policy: Any) -> RejectOutcome:
        connection = await asyncpg.connect(emptied_url)
        try:
            redecoder = RejectRedecoder(connection, span, policy=PendingPolicy(**policy), dry_run=dry_run)
            assert await redecoder.run() is None
        finally:
            await connection.close()
        return redecoder.outcome

    return run


async def test_what_can_be_read_now_is_stored_as_if_it_had_been_accepted_and_is_a_reject_no_longer(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, run: Run
) -> None:
    morning = a_morning()
    await (await make_writer())(*morning)
    expected = await contents(empty_store)
    await empty_store.execute("TRUNCATE fleet.reports, fleet.frames, fleet.latest_positions, fleet.devices")
    await (await make_writer())(*morning[::3])
    rejects = [refused(one.raw, int((one.received_at - MORNING).total_seconds())) for one in morning]
    lost = [rejects[at] for at in range(len(morning)) if at % 3]
    await write_rejects(empty_store, [*lost, refused(RUBBISH, 5, reason="rubbish"), refused(LOGIN[:-1], 6)])
    outcome = await run()
    after = await contents(empty_store)
    again = await run()

    assert (outcome.rejects, outcome.readable, outcome.stored, outcome.new_reports) == (12, 10, 10, 10)
    assert (again.readable, await contents(empty_store)) == (0, after)
    assert sorted(row["raw"] for row in await empty_store.fetch("SELECT raw FROM fleet.rejects")) == [
        LOGIN[:-1], RUBBISH
    ]  # fmt: skip
    assert len(after["frames"]) == len(morning)

    await Redecoder(empty_store, EVER, dry_run=False).run()  # they came late; this judges them by when they arrived
    mended = await contents(empty_store)

    assert mended["reports"] == expected["reports"]
    assert mended["latest_positions"] == expected["latest_positions"]


async def test_a_dry_run_tells_and_changes_nothing(empty_store: asyncpg.Connection, run: Run) -> None:
    await write_rejects(empty_store, [refused(one.raw, at) for at, one in enumerate(a_morning())])
    before = await contents(empty_store)
    lines = list((await run(dry_run=True)).lines())

    assert await contents(empty_store) == before
    assert lines[0] == "15 rejects read, 15 readable now"
    assert "15 stored with 15 new reports" in lines[1]
    assert lines[2] == "  position: 15"
    assert sum(f"content → {DEVICE} position 9955" in line for line in lines) == 10


async def test_rejects_that_come_from_their_topic_again_change_nothing(
    empty_store: asyncpg.Connection, run: Run
) -> None:
    rejects = [refused(LOGIN, 1), refused(a_morning()[0].raw, 2)]
    await write_rejects(empty_store, rejects)
    await run()
    before = await contents(empty_store)
    await write_rejects(empty_store, rejects)
    outcome = await run()

    assert (len(before["frames"]), len(before["reports"]), len(before["rejects"])) == (2, 1, 0)
    assert (outcome.stored, outcome.new_reports) == (2, 0)
    assert {**await contents(empty_store), "trip_work": before["trip_work"]} == before


async def test_two_runs_at_once_store_each_once(empty_store: asyncpg.Connection, run: Run) -> None:
    await write_rejects(empty_store, [refused(one.raw, at) for at, one in enumerate(a_morning())])
    await asyncio.gather(run(), run())

    assert await count(empty_store, "frames") == await count(empty_store, "reports") == 15
    assert await count(empty_store, "rejects") == 0


async def test_devices_that_ingest_turns_away_are_turned_away_here_too(
    empty_store: asyncpg.Connection, run: Run
) -> None:
    await empty_store.execute("INSERT INTO fleet.devices (device_id, state) VALUES ($1, 'active')", OTHER)
    await write_rejects(empty_store, [refused(one.raw, at) for at, one in enumerate(a_morning())])
    outcome = await run(unregistered="reject")

    assert (outcome.readable, outcome.stored, outcome.turned_away) == (15, 5, 10)
    assert await count(empty_store, "reports", f"device_id = '{OTHER}'") == await count(empty_store, "reports") == 5
    assert await count(empty_store, "rejects", "reason = 'content'") == 10
    assert (await run(frames=4)).stored == 4


async def test_what_was_cut_turned_away_or_came_at_another_time_stays(
    empty_store: asyncpg.Connection, run: Run
) -> None:
    raw = a_morning()[0].raw
    await write_rejects(
        empty_store,
        [refused(raw, 1, total_bytes=5000), refused(raw, 2, reason="too_many_of_address"), refused(raw, 10**6)],
    )
    before = await contents(empty_store)
    outcome = await run()

    assert outcome.rejects == 0
    assert await contents(empty_store) == before


async def test_one_that_the_store_refuses_does_not_hold_up_the_others(
    empty_store: asyncpg.Connection, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    odd = a_morning()[7].raw

    def read(reject: asyncpg.Record) -> list[Uplink]:
        (found,) = read_uplinks(reject)
        return [structs.replace(found, generation=2**70) if found.raw == odd else found]

    monkeypatch.setattr("vt600_api.redecode.rejects.read_uplinks", read)
    await write_rejects(empty_store, [refused(one.raw, at) for at, one in enumerate(a_morning())])
    outcome = await run()

    assert (outcome.stored, outcome.unstorable) == (14, 1)
    assert await empty_store.fetchval("SELECT raw FROM fleet.rejects") == odd


async def test_a_unit_without_identity_stays_refused(empty_store: asyncpg.Connection, run: Run) -> None:
    await write_rejects(empty_store, [refused(uplink("00000000000000", 0, 1, read_report).raw, 1)])

    assert (await run()).readable == 0


def test_frames_become_what_listeners_make_of_them() -> None:
    vectors = json.loads((CHECKOUT / "docs/protocol/vectors.json").read_text())["vectors"]
    kinds = set()
    for raw in (bytes.fromhex(vector["hex"]) for vector in vectors if "hex" in vector):
        datagram = decode_datagram(raw)
        if datagram.errors or len(datagram.messages) != 1:
            continue
        (message,) = datagram.messages
        row = {
            "raw": raw, "transport": "tcp", "peer": "p", "listener_id": "l", "session_id": None,
            "received_at": datetime(2026, 5, 4, tzinfo=UTC), "reject_id": Hex("0" * 32),
        }  # fmt: skip
        for one in read_uplinks(row):  # type: ignore[arg-type]
            if one.report is None:
                kinds.add(one.kind)
                assert one.kind == kind_of(message)
                assert (one.details is None) == (details_of(message) is None)
                assert set(one.details or ()) == set(details_of(message) or ())

    assert len(kinds) > 3


class Hex(str):
    """A hash as the driver gives it."""

    __slots__ = ()

    @property
    def hex(self) -> str:
        """Its digits."""
        return str(self)


def test_the_command_line_takes_no_device_with_rejects_and_no_wrong_policy() -> None:
    for arguments, more, said in (
        (["--device", "1"], {}, "--rejects are of no device yet\n"),
        ([], {"INGEST_UNREGISTERED": "maybe"}, "vt600-redecode: INGEST_UNREGISTERED: "),
    ):
        done = subprocess.run(
            [sys.executable, "-m", "vt600_api.redecode", "--rejects", *arguments],
            env={**os.environ, "API_DATABASE_URL": "postgresql://127.0.0.1:1/x", **more},
            capture_output=True,
            text=True,
            check=False,
        )

        assert (done.returncode, done.stdout) == (2, "")
        assert said in done.stderr
