"""The frames that are kept of a pending device, and what reading the topic again makes of them."""

import random
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

import asyncpg
import pytest
from msgspec import structs

from vt600_bus.records import Uplink

from .scanning import contents, count, of, scan

if TYPE_CHECKING:
    from ingest.conftest import MakeWriter

pytestmark = pytest.mark.servers

MakeUplink = Callable[..., Uplink]
Dropped = Callable[[str], float]


async def test_of_a_pending_device_the_first_frames_are_kept_and_a_replay_changes_nothing(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink, dropped: Dropped
) -> None:
    uplinks = [make_uplink(at) for at in range(40)]
    await (await make_writer(frames=25, at_once=10))(*uplinks)
    kept = await empty_store.fetch("SELECT received_at FROM fleet.frames ORDER BY received_at")
    before = await contents(empty_store)
    for at_once in (40, 7, 1):
        await (await make_writer(frames=25, at_once=at_once))(*uplinks)

    assert [row["received_at"] for row in kept] == [uplink.received_at for uplink in uplinks[:25]]
    assert await contents(empty_store) == before
    assert dropped("too_many_frames") >= 15
    assert await empty_store.fetchval("SELECT pending_frames FROM fleet.devices") == 25


@pytest.mark.parametrize("seed", range(8))
async def test_however_a_topic_is_cut_and_read_again_the_first_frames_are_stored(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink, seed: int
) -> None:
    chance = random.Random(seed)  # noqa: S311 - a test
    names = ["a", "b", "c", "d"]
    topic = [of(make_uplink(at), chance.choice(names)) for at in range(150)]
    topic += chance.sample(topic, 20)  # delivered twice
    end = chance.randrange(20, len(topic))
    limit = chance.randrange(5, 45)
    for stop in (end, end, len(topic), len(topic)):  # read again from the beginning, then on
        await (await make_writer(frames=limit, at_once=chance.randrange(1, 60)))(*topic[:stop])
    frames = await empty_store.fetch("SELECT device_id, received_at FROM fleet.frames ORDER BY received_at")
    devices = await empty_store.fetch("SELECT device_id, pending_frames FROM fleet.devices")
    wanted = {name: [one.received_at for one in topic[:150] if one.device_id == name][:limit] for name in names}
    kept = {name: [row["received_at"] for row in frames if row["device_id"] == name] for name in names}

    assert kept == wanted
    assert {row["device_id"]: row["pending_frames"] for row in devices} == {
        name: len(times) for name, times in wanted.items()
    }


async def test_a_device_without_room_is_still_seen(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    write = await make_writer(frames=2)
    for at in range(5):
        await write(make_uplink(at))

    assert await empty_store.fetchval("SELECT last_seen_at FROM fleet.devices") == make_uplink(4).received_at


async def test_adopting_shows_the_track_from_the_first_frame_and_a_replay_brings_what_was_dropped(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    write = await make_writer(frames=3)
    uplinks = [make_uplink(at) for at in range(6)]
    await write(*uplinks)
    await empty_store.execute("UPDATE fleet.devices SET state = 'active'")
    await write(make_uplink(7))
    track = [row["received_at"] for row in await empty_store.fetch("SELECT received_at FROM fleet.reports ORDER BY 1")]
    await write(*uplinks)

    assert track == [make_uplink(at).received_at for at in (0, 1, 2, 7)]
    assert await count(empty_store, "reports") == 7
    assert await empty_store.fetchval("SELECT pending_frames FROM fleet.devices") == 3


async def test_logins_alone_are_limited_too(
    make_writer: "MakeWriter", empty_store: asyncpg.Connection, make_uplink: MakeUplink
) -> None:
    login = make_uplink(kind="login", code="5000")
    await (await make_writer(per_address=2, frames=3))(
        *(structs.replace(one, received_at=one.received_at + timedelta(seconds=at)) for at in range(9)
          for one in scan(login, 4))
    )  # fmt: skip

    assert await count(empty_store, "devices") == 2
    assert await count(empty_store, "frames") == 6
