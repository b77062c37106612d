"""Rejects in the store."""

import uuid
from datetime import UTC, datetime

import asyncpg
import pytest
from msgspec import structs

from vt600_api.ingest.rejects import read_reject, write_rejects
from vt600_bus import RecordError, encode
from vt600_bus.records import Reject

pytestmark = pytest.mark.servers


@pytest.fixture
def reject() -> Reject:
    return Reject(
        peer=f"192.0.2.9:{uuid.uuid4().hex}",
        transport="tcp",
        listener_id="listener-1",
        received_at=datetime(2026, 5, 4, 12, 0, tzinfo=UTC),
        reason="checksum",
        detail="said \x00, should be 1",
        raw=b"$$\x00\x11",
        total_bytes=17,
        dialect="binary",
    )


async def test_a_reject_is_stored_once(database: asyncpg.Connection, reject: Reject) -> None:
    kept = read_reject(encode(reject))

    await write_rejects(database, [kept, kept])
    await write_rejects(database, [kept])

    (row,) = await database.fetch("SELECT * FROM fleet.rejects WHERE peer = $1", reject.peer)
    assert (row["raw"], row["reason"], row["total_bytes"]) == (reject.raw, "checksum", 17)
    assert row["detail"] == "said \ufffd, should be 1"


async def test_different_bytes_of_the_same_moment_both_stay(database: asyncpg.Connection, reject: Reject) -> None:
    await write_rejects(
        database, [reject_without_nul(reject), structs.replace(reject_without_nul(reject), raw=b"other")]
    )

    assert await database.fetchval("SELECT count(*) FROM fleet.rejects WHERE peer = $1", reject.peer) == 2


async def test_what_is_kept_of_a_reject_is_bounded(database: asyncpg.Connection, reject: Reject) -> None:
    long = structs.replace(reject_without_nul(reject), raw=b"x" * 100_000, detail="y" * 100_000, total_bytes=10**9)

    await write_rejects(database, [long])

    row = await database.fetchrow("SELECT raw, detail, total_bytes FROM fleet.rejects WHERE peer = $1", reject.peer)
    assert row is not None
    assert (len(row["raw"]), len(row["detail"]), row["total_bytes"]) == (4096, 1000, 10**9)


def test_a_time_without_zone_is_refused(reject: Reject) -> None:
    with pytest.raises(RecordError):
        read_reject(encode(structs.replace(reject, received_at=datetime(2026, 1, 1))))  # noqa: DTZ001 - the case


def reject_without_nul(reject: Reject) -> Reject:
    return structs.replace(reject, detail="plain")
