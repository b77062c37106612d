"""Devices that nobody registered: taken on, held back, turned away; and a registered one never is."""

import asyncio
import random
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
import structlog
from msgspec import structs
from pydantic import SecretStr

from vt600_api.ingest.admission import Admission, PendingPolicy, Refused, address_of
from vt600_api.ingest.settings import IngestSettings
from vt600_bus.records import Uplink

from .scanning import TABLES, contents, count, of, scan

if TYPE_CHECKING:
    from ingest.conftest import MakeWriter, RecordingPublisher

pytestmark = pytest.mark.servers

MakeUplink = Callable[..., Uplink]
Dropped = Callable[[str], float]
ELSEWHERE = "192.0.2.8:40002"


@pytest.mark.parametrize(
    ("peer", "address"),
    [
        ("192.0.2.7:40001", "192.0.2.7"),
        ("[2001:db8:1:2:3:4:5:6]:40001", "2001:db8:1:2::/64"),
        ("[2001:db8:1:2::9]:1", "2001:db8:1:2::/64"),
        ("[fe80::1%eth0]:1", "fe80::1/64"),
        ("[nonsense]:1", "[nonsense]"),
        ("nonsense", "nonsense"),
    ],
)
def test_devices_are_counted_by_address_without_port(peer: str, address: str) -> None:
    if "%" in peer:
        assert address_of(peer) == address_of("[fe80::2%eth0]:2")
    else:
        assert address_of(peer) == address


async def test_a_scanner_of_100000_identities_leaves_no_more_than_the_limit_and_others_still_get_in(
    make_writer: "MakeWriter",
    empty_store: asyncpg.Connection,
    make_uplink: MakeUplink,
    dropped: Dropped,
    device_id: str,
) -> None:
    write = await make_writer(per_address=100)
    await write(*scan(make_uplink(0), 100_000))
    rows = {table: await count(empty_store, table) for table in TABLES}
    newcomer = structs.replace(make_uplink(5), peer=ELSEWHERE)
    await write(newcomer)

    assert rows == dict.fromkeys(TABLES, 100) | {"rejects": 1000}
    assert dropped("too_many_of_address") == 99_900
    assert await count(empty_store, "reports", f"device_id = '{device_id}'") == 1


async def test_scanners_of_many_addresses_leave_no_more_than_the_limit_of_all(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink, dropped: Dropped
) -> None:
    write = await make_writer(devices=200, per_address=3, at_once=500)
    await write(*scan(make_uplink(0), 5_000, peer="[2001:db8:0:{number:x}::1]:{port}"))

    assert await count(empty_store, "devices") == 200
    assert await count(empty_store, "frames") == 200
    assert dropped("too_many_pending") == 4_800


async def test_addresses_of_one_ipv6_customer_are_one(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    write = await make_writer(per_address=3, at_once=7)
    await write(*scan(make_uplink(0), 100, peer="[2001:db8::{number:x}]:{port}"))

    assert await count(empty_store, "devices") == 3


async def test_adoption_and_forgetting_make_room(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    write = await make_writer(per_address=3)
    await write(*scan(make_uplink(0), 10))
    await empty_store.execute("UPDATE fleet.devices SET state = 'active' WHERE device_id = 's0'")
    await write(*scan(make_uplink(1), 10))

    assert await count(empty_store, "devices", "state = 'pending'") == 3
    assert await count(empty_store, "reports", "device_id IN ('s0', 's1', 's2')") == 6
    assert await count(empty_store, "reports") == 7


@pytest.mark.parametrize("unregistered", ["pending", "reject", "adopt"])
async def test_a_registered_device_is_never_held_back(
    make_writer: "MakeWriter",
    empty_store: asyncpg.Connection,
    make_uplink: MakeUplink,
    unregistered: str,
    device_id: str,
) -> None:
    await empty_store.execute("INSERT INTO fleet.devices (device_id, state) VALUES ($1, 'active')", device_id)
    write = await make_writer(unregistered=unregistered, devices=1, per_address=1, frames=1)
    mine = [make_uplink(at) for at in range(20)]
    await write(*scan(make_uplink(0), 20), *mine)

    assert await count(empty_store, "reports", f"device_id = '{device_id}'") == 20
    assert (
        await count(empty_store, "devices", f"device_id <> '{device_id}'")
        == {"pending": 1, "reject": 0, "adopt": 20}[unregistered]
    )


async def test_a_device_that_is_registered_while_it_is_refused_is_stored(
    make_writer: "MakeWriter",
    empty_store: asyncpg.Connection,
    make_uplink: MakeUplink,
    device_id: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    introduce = Admission.introduce

    async def slow(*arguments: Any) -> Refused:
        refused = await introduce(*arguments)
        await empty_store.execute("INSERT INTO fleet.devices (device_id, state) VALUES ($1, 'active')", device_id)
        return refused

    monkeypatch.setattr(Admission, "introduce", slow)
    await (await make_writer(unregistered="reject"))(make_uplink(0))

    assert await count(empty_store, "reports") == 1
    assert await count(empty_store, "rejects") == 0


async def test_adopt_takes_devices_on_with_their_first_frame_and_those_that_wait(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    await (await make_writer())(of(make_uplink(0), "waits"))
    await (await make_writer(unregistered="adopt", devices=1, frames=1))(
        *(of(make_uplink(at), name) for at in range(3) for name in ("waits", "new"))
    )
    before = await contents(empty_store)
    await (await make_writer(unregistered="adopt"))(of(make_uplink(0), "waits"), of(make_uplink(0), "new"))

    assert await count(empty_store, "devices", "state = 'active' AND adopted_at IS NOT NULL") == 2
    assert await count(empty_store, "reports") == 6
    assert await contents(empty_store) == before


async def test_reject_stores_nothing_but_one_trace_of_each_device_in_six_hours(
    make_writer: "MakeWriter",
    empty_store: asyncpg.Connection,
    make_uplink: MakeUplink,
    publisher: "RecordingPublisher",
    dropped: Dropped,
) -> None:
    write = await make_writer(unregistered="reject", at_once=3)
    uplinks = [of(make_uplink(at * 3600), name) for at in range(6) for name in ("a", "b")]
    await write(*uplinks)
    before = await contents(empty_store)
    await write(*uplinks)
    traces = await empty_store.fetch("SELECT * FROM fleet.rejects ORDER BY device_id")

    assert {table for table, rows in before.items() if rows} == {"rejects"}
    assert await contents(empty_store) == before
    assert [(row["device_id"], row["reason"], row["raw"]) for row in traces] == [
        (uplink.device_id, "unregistered", uplink.raw) for uplink in uplinks[:2]
    ]
    assert traces[0]["detail"].endswith(uplinks[0].received_at.isoformat())
    assert publisher.reports == []
    assert dropped("unregistered") == 24

    await write(of(make_uplink(6 * 3600), "a"))

    assert await count(empty_store, "rejects") == 3


async def test_two_processes_at_once_exceed_the_limit_by_no_more_than_a_batch(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    both = list(scan(make_uplink(0), 600))
    first, second = await make_writer(per_address=100, at_once=20), await make_writer(per_address=100, at_once=20)
    await asyncio.gather(first(*both), second(*reversed(both)))

    assert 100 <= await count(empty_store, "devices") <= 120
    assert (
        await count(empty_store, "devices") == await count(empty_store, "frames") == await count(empty_store, "reports")
    )


async def test_processes_that_store_the_same_devices_at_once_do_not_lock_each_other_out(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    devices = [f"s{number}" for number in range(30)]
    await (await make_writer())(*(of(make_uplink(0), name) for name in devices[::2]))
    await empty_store.execute("UPDATE fleet.devices SET state = 'active' WHERE device_id LIKE '%4'")
    uplinks = [of(make_uplink(at), name) for at in range(20) for name in devices]
    writers = [await make_writer(at_once=37 + 10 * number) for number in range(3)]
    chance = random.Random(1)  # noqa: S311
    await asyncio.gather(*(write(*chance.sample(uplinks, len(uplinks))) for write in writers))

    assert await count(empty_store, "frames") == len(uplinks)
    assert await empty_store.fetchval(
        "SELECT sum(pending_frames) FROM fleet.devices WHERE state = 'pending'"
    ) == await count(empty_store, "frames", "device_id NOT LIKE '%4'")


async def test_what_is_dropped_is_said_once_a_minute(make_writer: "MakeWriter", make_uplink: MakeUplink) -> None:
    write = await make_writer(unregistered="reject", at_once=1)
    with structlog.testing.capture_logs() as lines:
        await write(*(make_uplink(at) for at in range(50)))

    assert [(line["event"], line["reason"], line["frames"]) for line in lines] == [
        ("frames.dropped", "unregistered", 1)
    ]


async def test_nothing_is_counted_of_a_batch_that_was_not_stored(
    make_writer: "MakeWriter",
    empty_store: asyncpg.Connection,
    make_uplink: MakeUplink,
    publisher: "RecordingPublisher",
    dropped: Dropped,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError("no bus")

    write = await make_writer(per_address=1)
    monkeypatch.setattr(publisher, "publish", fail)
    with pytest.raises(OSError, match="no bus"):
        await write(*scan(make_uplink(0), 5))

    assert dropped("too_many_of_address") == 0
    assert all(rows == [] for rows in (await contents(empty_store)).values())


def test_the_settings_make_the_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    words = {"UNREGISTERED": "adopt", "PENDING_DEVICES": "1", "PENDING_PER_ADDRESS": "2", "PENDING_FRAMES": "3"}
    for name, value in words.items():
        monkeypatch.setenv(f"INGEST_{name}", value)
    settings = IngestSettings(database_url=SecretStr("postgresql://"))

    assert settings.pending_policy == PendingPolicy("adopt", devices=1, per_address=2, frames=3)
