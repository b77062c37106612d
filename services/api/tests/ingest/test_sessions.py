"""Links in the store: the history of each device, and whether it can be reached."""

import asyncio
import uuid
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from itertools import permutations
from typing import Any

import asyncpg
import pytest
from msgspec import Struct, structs

from vt600_api.ingest.sessions import SessionWriter, read_session
from vt600_bus import KafkaSettings, Publisher, RecordError, Topic, encode
from vt600_bus.records import LinkStatus, Session
from vt600_bus.topics import LINK_STATUSES

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MakeSession = Callable[..., Session]


class Told(Publisher):
    """Takes everything at once and keeps what it was told; never connects."""

    def __init__(self) -> None:
        super().__init__(KafkaSettings(), client_id="told")
        self.statuses: list[LinkStatus] = []

    def publish(
        self, topic: Topic[Any], key: str, record: Struct, traceparent: str | None = None
    ) -> asyncio.Future[None]:
        assert topic is LINK_STATUSES
        assert traceparent is None
        assert isinstance(record, LinkStatus)
        assert key == record.device_id
        self.statuses.append(record)
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def states(self, device_id: str) -> list[tuple[str, str | None]]:
        """State and cause of what was told of a device."""
        return [(status.state, status.cause) for status in self.statuses if status.device_id == device_id]


@pytest.fixture
async def told() -> Told:
    return Told()


@pytest.fixture
def writer(told: Told) -> SessionWriter:
    return SessionWriter(told)


@pytest.fixture
def listener_id() -> str:
    """A listener of the test's own."""
    return f"l-{uuid.uuid4().hex}"


@pytest.fixture
def make_session(device_id: str, listener_id: str) -> MakeSession:
    """The word on a link of the device that was opened some seconds after noon, said some seconds after noon."""

    def make(opened: float, said: float | None = None, **changes: Any) -> Session:
        at = NOON + timedelta(seconds=opened if said is None else said)
        session = Session(
            device_id=device_id,
            session_id=f"s{opened:g}",
            generation=1_000 + int(opened),
            listener_id=listener_id,
            state="open",
            at=at,
            opened_at=NOON + timedelta(seconds=opened),
            dialect="binary",
            transport="tcp",
            peer="192.0.2.7:40001",
        )
        return structs.replace(session, **changes)

    return make


async def history(database: asyncpg.Connection, device_id: str) -> list[tuple[Any, ...]]:
    query = (
        "SELECT session_id, state, cause, closed_at FROM fleet.device_sessions WHERE device_id = $1 ORDER BY generation"
    )
    return [tuple(row) for row in await database.fetch(query, device_id)]


async def link(database: asyncpg.Connection, device_id: str) -> tuple[Any, ...]:
    query = "SELECT state, since, cause, session_id FROM fleet.device_links WHERE device_id = $1"
    return tuple(await database.fetchrow(query, device_id) or ())


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


async def test_a_link_opens_falls_silent_is_heard_and_closes(
    database: asyncpg.Connection, writer: SessionWriter, told: Told, make_session: MakeSession, device_id: str
) -> None:
    steps = (
        (make_session(0), ("online", after(0), None)),
        (make_session(0, 70, quiet_since=after(10)), ("quiet", after(10), None)),
        (make_session(0, 80), ("online", after(80), None)),
        (make_session(0, 90, state="closed", cause="idle"), ("offline", after(90), "idle")),
        (make_session(100), ("online", after(100), None)),
    )
    for session, expected in steps:
        await writer.write(database, [read_session(encode(session))])

        assert (await link(database, device_id))[:3] == expected
    assert await history(database, device_id) == [("s0", "closed", "idle", after(90)), ("s100", "open", None, None)]
    assert told.states(device_id) == [(state, cause) for _, (state, _, cause) in steps]


@pytest.mark.parametrize("order", list(permutations(range(5)))[::9])
async def test_records_in_any_order_and_again_end_in_the_same_and_tell_nothing_new(
    database: asyncpg.Connection,
    writer: SessionWriter,
    told: Told,
    make_session: MakeSession,
    device_id: str,
    order: tuple[int, ...],
) -> None:
    records = (
        make_session(0),
        make_session(0, 70, quiet_since=after(10)),
        make_session(100),
        make_session(0, 110, state="closed", cause="replaced"),
        make_session(100, 170, quiet_since=after(105)),
    )
    for number in order:
        await writer.write(database, [records[number]])
    count = len(told.states(device_id))
    await writer.write(database, [records[number] for number in reversed(order)])
    for number in reversed(order):
        await writer.write(database, [records[number]])

    assert await history(database, device_id) == [
        ("s0", "closed", "replaced", after(110)),
        ("s100", "open", None, None),
    ]
    assert await link(database, device_id) == ("quiet", after(105), None, "s100")
    assert len(told.states(device_id)) == count


async def test_an_older_link_never_hides_a_newer_one(
    database: asyncpg.Connection, writer: SessionWriter, told: Told, make_session: MakeSession, device_id: str
) -> None:
    await writer.write(database, [make_session(100), make_session(100, 120, state="closed", cause="reset")])
    await writer.write(database, [make_session(0), make_session(0, 130, quiet_since=after(5))])
    await writer.write(database, [make_session(0, 200, state="closed", cause="idle")])

    assert await link(database, device_id) == ("offline", after(120), "reset", "s100")
    assert told.states(device_id) == [("offline", "reset")]


async def test_links_of_a_lost_listener_are_offline_and_come_back_with_it(
    database: asyncpg.Connection,
    writer: SessionWriter,
    told: Told,
    make_session: MakeSession,
    device_id: str,
    listener_id: str,
) -> None:
    await writer.write(database, [make_session(0), make_session(0, 5, state="closed", cause="reset"), make_session(10)])
    assert await writer.lose(database, listener_id, after(60)) == 1
    assert await writer.lose(database, listener_id, after(90)) == 0
    assert await link(database, device_id) == ("offline", after(60), "listener_lost", "s10")
    assert (await history(database, device_id))[1] == ("s10", "lost", "listener_lost", after(60))
    await writer.write(database, [make_session(10)])  # read again
    assert (await link(database, device_id))[0] == "offline"
    assert await writer.revive(database, listener_id) == 1
    assert await writer.revive(database, listener_id) == 0

    assert await link(database, device_id) == ("online", after(10), None, "s10")
    assert await history(database, device_id) == [("s0", "closed", "reset", after(5)), ("s10", "open", None, None)]
    assert told.states(device_id) == [("online", None), ("offline", "listener_lost"), ("online", None)]


async def test_what_a_lost_listener_says_in_the_end_is_what_counts(
    database: asyncpg.Connection, writer: SessionWriter, make_session: MakeSession, device_id: str, listener_id: str
) -> None:
    await writer.write(database, [make_session(0)])
    await writer.lose(database, listener_id, after(60))
    await writer.write(database, [make_session(0, 40, state="closed", cause="drained")])
    await writer.revive(database, listener_id)

    assert await history(database, device_id) == [("s0", "closed", "drained", after(40))]
    assert (await link(database, device_id))[:3] == ("offline", after(40), "drained")


async def test_a_listener_that_comes_back_does_not_hide_the_link_that_its_device_took_since(
    database: asyncpg.Connection, writer: SessionWriter, make_session: MakeSession, device_id: str, listener_id: str
) -> None:
    await writer.write(database, [make_session(0)])
    await writer.lose(database, listener_id, after(60))
    await writer.write(database, [make_session(70, listener_id="another")])
    await writer.revive(database, listener_id)

    assert await link(database, device_id) == ("online", after(70), None, "s70")


async def test_nothing_stays_of_devices_that_the_store_does_not_know(
    database: asyncpg.Connection, writer: SessionWriter, make_session: MakeSession, device_id: str
) -> None:
    known = f"k{device_id}"
    await database.execute("INSERT INTO fleet.devices (device_id) VALUES ($1)", known)
    for stranger in (device_id, known):
        await writer.write(database, [make_session(0, state="closed", cause="reset", device_id=stranger)])
    await writer.forget_strangers(database)

    assert (await history(database, device_id), await link(database, device_id)) == ([], ())
    assert len(await history(database, known)) == 1
    assert (await link(database, known))[0] == "offline"


@pytest.mark.parametrize("changes", [{"at": NOON.replace(tzinfo=None)}, {"device_id": ""}, {"device_id": "1" * 129}])
def test_what_cannot_be_stored_is_refused(make_session: MakeSession, changes: dict[str, Any]) -> None:
    with pytest.raises(RecordError):
        read_session(encode(make_session(0, **changes)))


async def test_two_that_change_a_device_at_once_end_in_its_newest_link(
    database: asyncpg.Connection,
    fleet_url: str,
    writer: SessionWriter,
    make_session: MakeSession,
    device_id: str,
    listener_id: str,
) -> None:
    await writer.write(database, [make_session(0)])
    other = await asyncpg.connect(fleet_url)
    try:
        for number in range(1, 40):
            opened = make_session(number, listener_id=f"{listener_id}-{number}")
            before = listener_id if number == 1 else f"{listener_id}-{number - 1}"
            losing: Awaitable[Any] = writer.lose(other, before, after(number))
            await asyncio.gather(writer.write(database, [opened]), losing)

            assert (await link(database, device_id))[::3] == ("online", f"s{number}")
    finally:
        await other.close()
