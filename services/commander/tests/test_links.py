"""New links, whatever the commander is at when they come."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, Any, TypeVar, cast

import pytest
from msgspec import Struct
from prometheus_client import CollectorRegistry
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession

from vt600_bus import Batch, DeadLetters, Delivery, Follower, Subscriber, Topic, encode
from vt600_bus.records import Downlink, Session
from vt600_bus.topics import COMMAND_REQUESTS, DELIVERY_REPORTS, LISTENERS, SESSIONS
from vt600_commander.commander import Commander
from vt600_commander.database import Store, create_engine
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.outbox import Outbox
from vt600_commander.presence import Presence
from vt600_commander.rules import rules_of
from vt600_commander.settings import CommanderSettings

if TYPE_CHECKING:
    from conftest import Bench, Records

pytestmark = pytest.mark.servers

T = TypeVar("T")


class Mail:
    """What a commander reads, as a subscriber or a follower gives it, and the dispatches that it commits."""

    def __init__(self) -> None:
        self._requests: asyncio.Queue[Delivery] = asyncio.Queue()
        self._presence: asyncio.Queue[Delivery] = asyncio.Queue()
        self._dispatches: asyncio.Queue[Downlink] = asyncio.Queue()
        self.caught_up = asyncio.Event()
        self.caught_up.set()

    def say(self, topic: Topic[Any], record: Struct) -> None:
        queue = self._presence if topic in (SESSIONS, LISTENERS) else self._requests
        queue.put_nowait(Delivery(topic, 0, 0, None, encode(record)))

    async def next_dispatch(self) -> Downlink:
        async with asyncio.timeout(20):
            return await self._dispatches.get()

    async def next_batch(self) -> Batch:
        return Batch([await self._requests.get()], {}, {}, 0)

    async def commit(self, batch: Batch) -> None: ...

    def committed(self, downlinks: Sequence[Downlink], _traces: Mapping[str, str]) -> None:
        for record in downlinks:
            self._dispatches.put_nowait(record)

    def show(self, links: Sequence[Session]) -> None:
        assert not links

    def as_follower(self) -> Follower:
        mail = self

        class _Follower:
            caught_up = mail.caught_up

            async def next_batch(self) -> list[Delivery]:
                return [await mail._presence.get()]

        return cast("Follower", _Follower())


class HeldStore(Store):
    """Does something right before the next commit of one task, when asked to."""

    def __init__(self, engine: AsyncEngine) -> None:
        super().__init__(engine)
        self.before_commit: Callable[[], Awaitable[None]] | None = None
        self.task: asyncio.Task[None] | None = None
        self.done = asyncio.Event()

    async def transact(self, work: Callable[[AsyncSession], Awaitable[T]]) -> T:
        async def held(db: AsyncSession) -> T:
            result = await work(db)
            if self.before_commit is not None and asyncio.current_task() is self.task:
                before_commit, self.before_commit = self.before_commit, None
                await before_commit()
            return result

        result = await super().transact(held)
        self.done.set()
        return result


async def test_a_link_that_comes_while_a_refusal_is_being_stored_is_used(
    settings: CommanderSettings, says: "Records"
) -> None:
    mail, presence = Mail(), Presence()
    engine = create_engine(settings.database_url)
    store = HeldStore(engine)
    commander = Commander(
        rules_of(settings),
        store=store,
        presence=presence,
        outbox=cast("Outbox", mail),
        dead_letters=cast("DeadLetters", None),
        metrics=CommanderMetrics(CollectorRegistry(), devices=lambda: len(presence), pool_use=lambda: 0),
    )
    new_link = says.session()

    async def link_comes() -> None:
        """And whoever looks for what waits for it does not see yet what this transaction is about to queue."""
        store.done.clear()
        mail.say(SESSIONS, new_link)
        await store.done.wait()

    async with AsyncExitStack() as stack:
        stack.push_async_callback(engine.dispose)
        tasks = [
            asyncio.create_task(each)
            for each in (
                commander.follow_bus(cast("Subscriber", mail)),
                commander.follow_presence(mail.as_follower()),
                commander.follow_links(),
            )
        ]
        stack.push_async_callback(asyncio.wait, tasks)
        for task in tasks:
            stack.callback(task.cancel)
        mail.say(LISTENERS, says.listener())
        mail.say(SESSIONS, says.session())
        mail.say(COMMAND_REQUESTS, says.request("identify"))
        first = await mail.next_dispatch()
        store.task, store.before_commit = tasks[0], link_comes
        mail.say(DELIVERY_REPORTS, says.report(first, "refused", "no_such_session"))
        second = await mail.next_dispatch()

    assert (second.attempt, second.session_id) == (2, new_link.session_id)


async def test_a_query_held_by_a_listener_that_died_goes_over_the_next_link(bench: "Bench") -> None:
    await bench.link()
    await bench.ask(deadline_s=3600)
    await bench.tell(bench.report(await bench.next_downlink(), "held"))
    session = await bench.link()  # and not a word of the old one's listener
    recall = await bench.next_downlink(after=1)
    second = await bench.next_downlink(after=2)

    assert recall.action == "recall"
    assert (second.action, second.session_id) == ("write", session.session_id)
