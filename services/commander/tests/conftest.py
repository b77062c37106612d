"""The other side of a commander: on the real bus (`bench`), or at its database alone with a clock moved by hand (`desk`)."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus import Delivery, Follower, KafkaSettings, Publisher, decode, encode
from vt600_bus.records import CommandRequest, CommandStatus, DeliveryReport, Downlink, Listener, Session
from vt600_bus.topics import (
    COMMAND_REQUESTS,
    COMMAND_STATUSES,
    DELIVERY_REPORTS,
    DOWNLINKS,
    LISTENERS,
    SESSIONS,
)
from vt600_commander import changes, command_queue
from vt600_commander.ahead import read_ahead
from vt600_commander.database import create_engine
from vt600_commander.dispatcher import dispatch
from vt600_commander.downlinks import downlink
from vt600_commander.expiry import expire
from vt600_commander.intake import take_request
from vt600_commander.migrate import upgrade
from vt600_commander.models import QueuedCommand
from vt600_commander.outcomes import take_report
from vt600_commander.presence import Presence
from vt600_commander.process import run
from vt600_commander.rules import rules_of
from vt600_commander.settings import CommanderSettings

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


class Records:
    """Makes what a client, a listener and a device say, at the time that `now` tells."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        self.listener_id = f"listener-{uuid.uuid4().hex[:8]}"

    def now(self) -> datetime:
        return datetime.now(UTC)

    def listener(self, state: Any = "up", *, lease_s: float = 600) -> Listener:
        now = self.now()
        return Listener(
            listener_id=self.listener_id, state=state, started_at=now, renewed_at=now, lease_s=lease_s, links=1
        )

    def session(self, dialect: Any = "binary") -> Session:
        """A new link, newer than those before."""
        now = self.now()
        return Session(
            device_id=self.device_id,
            session_id=uuid.uuid4().hex,
            generation=int(now.timestamp() * 1e6),
            listener_id=self.listener_id,
            state="open",
            at=now,
            opened_at=now,
            dialect=dialect,
            transport="tcp",
            peer="127.0.0.1:1",
        )

    def request(
        self,
        name: str,
        *,
        deadline_s: float = 60,
        queue: Any = "until_deadline",
        output_bytes: int | None = None,
        **args: Any,
    ) -> CommandRequest:
        now = self.now()
        return CommandRequest(
            command_id=str(uuid.uuid4()),
            device_id=self.device_id,
            action="submit",
            requested_at=now,
            requested_by="test",
            type=name,
            args=args,
            deadline_at=now + timedelta(seconds=deadline_s),
            queue=queue,
            output_bytes=output_bytes,
        )

    def cancellation(self, command_id: str) -> CommandRequest:
        return CommandRequest(
            command_id=command_id,
            device_id=self.device_id,
            action="cancel",
            requested_at=self.now(),
            requested_by="test",
        )

    def report(self, downlink: Downlink, outcome: Any, reason: str | None = None) -> DeliveryReport:
        """What became of a dispatch."""
        return DeliveryReport(
            device_id=downlink.device_id,
            listener_id=downlink.listener_id,
            session_id=downlink.session_id,
            generation=downlink.generation,
            outcome=outcome,
            at=self.now(),
            command_id=downlink.command_id,
            attempt=downlink.attempt,
            reason=reason,
            payload=downlink.payload if outcome == "written" else None,
        )

    def reply(
        self,
        downlink: Downlink,
        *,
        ok: bool | None = True,
        packet_no: str | None = None,
        session_id: str | None = None,
    ) -> DeliveryReport:
        """The device's answer to a dispatch."""
        return DeliveryReport(
            device_id=downlink.device_id,
            listener_id=downlink.listener_id,
            session_id=session_id or downlink.session_id,
            generation=downlink.generation,
            outcome="replied",
            at=self.now(),
            code=downlink.reply_code,
            packet_no=packet_no or downlink.packet_no,
            ok=ok,
            reason=None if ok is not False else "Failed",
            text="1,2,3",
            payload=b"reply",
        )

    def reply_to(self, command: QueuedCommand, session_id: str) -> DeliveryReport:
        """The device's answer to a command over this link."""
        return self.reply(downlink(command, open_window=True), session_id=session_id)


class Bench(Records):
    """A commander that runs, and the test as client, listener and reader of what it says."""

    def __init__(
        self,
        device_id: str,
        settings: CommanderSettings,
        kafka: KafkaSettings,
        publisher: Publisher,
        follower: Follower,
    ) -> None:
        super().__init__(device_id)
        self.settings = settings
        self.kafka = kafka
        self.publisher = publisher
        self._follower = follower
        self._running: list[tuple[asyncio.Event, asyncio.Task[None]]] = []
        self.statuses: list[CommandStatus] = []
        self.downlinks: list[Downlink] = []

    def start(self) -> None:
        """One more commander, in this loop."""
        stop = asyncio.Event()
        self._running.append((stop, asyncio.create_task(run(self.settings, self.kafka, stop))))

    async def stop(self) -> None:
        """End all of them as SIGTERM would."""
        for stop, _task in self._running:
            stop.set()
        for _stop, task in self._running:
            await task
        self._running.clear()

    async def listener_up(self) -> None:
        await self.publisher.publish(LISTENERS, self.listener_id, self.listener())

    async def link(self, dialect: Any = "binary") -> Session:
        """Open a new link of the device."""
        session = self.session(dialect)
        await self.publisher.publish(SESSIONS, self.device_id, session)
        return session

    async def ask(self, name: str = "identify", **words: Any) -> str:
        """Submit a command."""
        request = self.request(name, **words)
        await self.publisher.publish(COMMAND_REQUESTS, self.device_id, request)
        return request.command_id

    async def cancel(self, command_id: str) -> None:
        await self.publisher.publish(COMMAND_REQUESTS, self.device_id, self.cancellation(command_id))

    async def tell(self, report: DeliveryReport) -> None:
        """Say it as the listener."""
        await self.publisher.publish(DELIVERY_REPORTS, self.device_id, report)

    async def next_downlink(self, *, after: int = 0) -> Downlink:
        """The device's dispatch number `after`, once it is there."""
        await self._read_until(lambda: len(self.downlinks) > after)
        return self.downlinks[after]

    async def status(self, command_id: str, state: str) -> CommandStatus:
        """The command's status of that state, once it is there."""
        await self._read_until(lambda: state in self.states(command_id))
        return next(s for s in self.statuses if s.command_id == command_id and s.state == state)

    def states(self, command_id: str) -> list[str]:
        """All states that were told, in the order of their revisions."""
        found = {s.revision: s.state for s in self.statuses if s.command_id == command_id}
        return [found[revision] for revision in sorted(found)]

    async def _read_until(self, satisfied: Callable[[], bool]) -> None:
        async with asyncio.timeout(60):
            while not satisfied():
                for delivery in await self._follower.next_batch():
                    if delivery.key != self.device_id:
                        continue
                    if delivery.topic is DOWNLINKS:
                        self.downlinks.append(decode(Downlink, delivery.value))
                    else:
                        self.statuses.append(decode(CommandStatus, delivery.value))


class Desk(Records):
    """The queue of one device in a transaction of the test's own. Time passes only by `later`."""

    def __init__(self, device_id: str, db: AsyncSession) -> None:
        super().__init__(device_id)
        self.db = db
        self.seconds = 0.0
        self.bus_is_there = True
        self.presence = Presence(clock=lambda: self.seconds, utc_now=self.now)
        self.rules = rules_of(CommanderSettings(database_url=SecretStr("unused")))

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)

    def hear(self, record: Session | Listener) -> set[str]:
        """Have presence read a record as it comes."""
        topic = SESSIONS if isinstance(record, Session) else LISTENERS
        return self.presence.handle([Delivery(topic, 0, 0, None, encode(record))], live=True)

    def link(self, dialect: Any = "binary") -> Session:
        """Open a new link of the device, on a listener that is alive."""
        self.seconds += 0.001
        session = self.session(dialect)
        self.hear(self.listener(lease_s=1e6))
        self.hear(session)
        return session

    async def ask(self, name: str = "identify", **words: Any) -> QueuedCommand:
        """Submit a command."""
        request = self.request(name, **words)
        await read_ahead(self.db, [request], self.now())
        await take_request(self.db, request, self.presence, self.now(), self.rules)
        await self.db.flush()
        command = await command_queue.find(self.db, request.command_id)
        assert command is not None
        return command

    async def cancel(self, command: QueuedCommand) -> None:
        await take_request(self.db, self.cancellation(command.command_id), self.presence, self.now(), self.rules)
        await self.db.flush()

    def recalls(self) -> list[Downlink]:
        """What listeners were asked back since the last time."""
        return changes.recalls(self.db)

    async def dispatch(self) -> Downlink | None:
        """What goes out to the device now."""
        sent = await dispatch(self.db, [self.device_id], self.presence, self.now(), self.rules)
        found = sent[0] if sent else None
        if found is not None and self.bus_is_there:
            command = await command_queue.find(self.db, found.command_id)
            assert command is not None
            command.published_attempt = found.attempt
        await self.db.flush()
        return found

    async def sent(self) -> Downlink:
        """The dispatch that must go out now."""
        found = await self.dispatch()
        assert found is not None
        return found

    async def tell(self, report: DeliveryReport) -> None:
        """Say it as the listener."""
        await read_ahead(self.db, [report], self.now())
        await take_report(self.db, report, self.presence, self.now(), reply_timeout=self.rules.reply)
        await self.db.flush()

    async def written(self) -> Downlink:
        """The dispatch that must go out now, written."""
        found = await self.sent()
        await self.tell(self.report(found, "written"))
        return found

    async def later(self, seconds: float) -> None:
        """Let time pass; the clock looks at what comes due, each at its time."""
        end = self.seconds + seconds
        while (at := await command_queue.next_check(self.db)) is not None and at <= NOON + timedelta(seconds=end):
            self.seconds = max((at - NOON).total_seconds(), self.seconds)
            for command_id, _device in await command_queue.due(self.db, self.now(), limit=100):
                command = await command_queue.find(self.db, command_id)
                assert command is not None
                expire(self.db, command, self.now(), self.rules)
            await self.db.flush()
        self.seconds = end


@pytest.fixture
def device_id() -> str:
    """An identity of the test's own, fit for both dialects."""
    return str(uuid.uuid4().int % 10**12 + 10**12)


@pytest.fixture(scope="session")
def database_url(make_database: Callable[[], str]) -> str:
    """A database with every migration applied."""
    url = make_database()
    upgrade(SecretStr(url))
    return url


@pytest.fixture
async def desk(database_url: str, device_id: str) -> AsyncIterator[Desk]:
    engine = create_engine(SecretStr(database_url))
    async with AsyncSession(engine, expire_on_commit=False) as db:
        yield Desk(device_id, db)
        await db.rollback()
    await engine.dispose()


@pytest.fixture
def settings(make_database: Callable[[], str]) -> CommanderSettings:
    """Short times, and a database that no other test's commander works on."""
    url = SecretStr(make_database())
    upgrade(url)
    return CommanderSettings(
        database_url=url, reply_timeout_s=2.0, dispatch_timeout_s=3.0, probes_host="127.0.0.1", probes_port=0
    )


@pytest.fixture
async def bench(settings: CommanderSettings, device_id: str, kafka_servers: str) -> AsyncIterator[Bench]:
    """A started commander, and a listener that is up."""
    kafka = KafkaSettings(bootstrap_servers=kafka_servers)
    async with (
        Publisher(kafka, client_id="commander-test") as publisher,
        Follower(kafka, [DOWNLINKS, COMMAND_STATUSES], client_id="commander-test", start="beginning") as follower,
    ):
        bench = Bench(device_id, settings, kafka, publisher, follower)
        await bench.listener_up()
        bench.start()
        try:
            yield bench
        finally:
            await bench.stop()


@pytest.fixture
def make_bench() -> type[Bench]:
    """What makes the other side of a commander that the test starts itself."""
    return Bench


@pytest.fixture
def says(device_id: str) -> Records:
    """What others say of the device."""
    return Records(device_id)
