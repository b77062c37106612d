"""A commander on a real database and a real Kafka, with the test as listener."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import SecretStr

from vt600_bus import Follower, KafkaSettings, Publisher, decode
from vt600_bus.records import CommandRequest, CommandStatus, DeliveryReport, Downlink, Listener, Session
from vt600_bus.topics import (
    COMMAND_REQUESTS,
    COMMAND_STATUSES,
    DELIVERY_REPORTS,
    DOWNLINKS,
    LISTENERS,
    SESSIONS,
)
from vt600_commander.migrate import upgrade
from vt600_commander.process import run
from vt600_commander.settings import CommanderSettings


class Bench:
    """The other side: asks for commands, holds links, reads what the commander says."""

    def __init__(
        self, settings: CommanderSettings, kafka: KafkaSettings, publisher: Publisher, follower: Follower
    ) -> None:
        self._settings = settings
        self._kafka = kafka
        self._publisher = publisher
        self._follower = follower
        self._stop = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self.listener_id = f"listener-{uuid.uuid4().hex[:8]}"
        self.statuses: list[CommandStatus] = []
        self.downlinks: list[Downlink] = []
        self._generation = 0

    def start(self) -> None:
        """A commander process, in this loop."""
        self._stop = asyncio.Event()
        self._task = asyncio.create_task(run(self._settings, self._kafka, self._stop))

    async def stop(self) -> None:
        """End it as SIGTERM would."""
        self._stop.set()
        if self._task is not None:
            await self._task

    async def listener_up(self) -> None:
        now = datetime.now(UTC)
        record = Listener(
            listener_id=self.listener_id, state="up", started_at=now, renewed_at=now, lease_s=600, links=1
        )
        await self._publisher.publish(LISTENERS, self.listener_id, record)

    async def link(self, device_id: str, dialect: Any = "binary", *, state: Any = "open") -> Session:
        """Open a link of the device here, or close the newest."""
        self._generation += state == "open"
        now = datetime.now(UTC)
        session = Session(
            device_id=device_id,
            session_id=f"session-{self._generation}",
            generation=self._generation,
            listener_id=self.listener_id,
            state=state,
            at=now,
            opened_at=now,
            dialect=dialect,
            transport="tcp",
            peer="127.0.0.1:1",
        )
        await self._publisher.publish(SESSIONS, device_id, session)
        return session

    async def ask(
        self,
        device_id: str,
        name: str = "identify",
        *,
        deadline_s: float = 60,
        queue: Any = "until_deadline",
        **args: Any,
    ) -> str:
        """Submit a command."""
        now = datetime.now(UTC)
        request = CommandRequest(
            command_id=str(uuid.uuid4()),
            device_id=device_id,
            action="submit",
            requested_at=now,
            requested_by="test",
            type=name,
            args=args,
            deadline_at=now + timedelta(seconds=deadline_s),
            queue=queue,
        )
        await self._publisher.publish(COMMAND_REQUESTS, device_id, request)
        return request.command_id

    async def cancel(self, device_id: str, command_id: str) -> None:
        request = CommandRequest(
            command_id=command_id,
            device_id=device_id,
            action="cancel",
            requested_at=datetime.now(UTC),
            requested_by="test",
        )
        await self._publisher.publish(COMMAND_REQUESTS, device_id, request)

    async def report(self, downlink: Downlink, outcome: Any, reason: str | None = None) -> None:
        """Tell what became of a dispatch."""
        await self._publisher.publish(
            DELIVERY_REPORTS,
            downlink.device_id,
            DeliveryReport(
                device_id=downlink.device_id,
                listener_id=downlink.listener_id,
                session_id=downlink.session_id,
                generation=downlink.generation,
                outcome=outcome,
                at=datetime.now(UTC),
                command_id=downlink.command_id,
                attempt=downlink.attempt,
                reason=reason,
                payload=downlink.payload if outcome == "written" else None,
            ),
        )

    async def reply(self, downlink: Downlink, *, ok: bool | None = True, packet_no: str | None = None) -> None:
        """Answer as the device would."""
        await self._publisher.publish(
            DELIVERY_REPORTS,
            downlink.device_id,
            DeliveryReport(
                device_id=downlink.device_id,
                listener_id=downlink.listener_id,
                session_id=downlink.session_id,
                generation=downlink.generation,
                outcome="replied",
                at=datetime.now(UTC),
                code=downlink.reply_code,
                packet_no=packet_no or downlink.packet_no,
                ok=ok,
                reason=None if ok is not False else "Failed",
                text="1,2,3",
                payload=b"reply",
            ),
        )

    async def next_downlink(self, device_id: str, *, after: int = 0) -> Downlink:
        """The device's dispatch number `after`, once it is there."""
        await self._read_until(lambda: len(self._downlinks_of(device_id)) > after)
        return self._downlinks_of(device_id)[after]

    async def status(self, command_id: str, state: str) -> CommandStatus:
        """The command's status of that state, once it is there."""
        await self._read_until(lambda: any(s.command_id == command_id and s.state == state for s in self.statuses))
        return next(s for s in self.statuses if s.command_id == command_id and s.state == state)

    def states(self, command_id: str) -> list[str]:
        """All states that were told, in the order of their revisions."""
        found = {s.revision: s.state for s in self.statuses if s.command_id == command_id}
        return [found[revision] for revision in sorted(found)]

    def _downlinks_of(self, device_id: str) -> list[Downlink]:
        return [record for record in self.downlinks if record.device_id == device_id]

    async def _read_until(self, satisfied: Callable[[], bool]) -> None:
        async with asyncio.timeout(30):
            while not satisfied():
                for delivery in await self._follower.next_batch():
                    if delivery.topic is DOWNLINKS:
                        self.downlinks.append(decode(Downlink, delivery.value))
                    else:
                        self.statuses.append(decode(CommandStatus, delivery.value))


@pytest.fixture
def device_id() -> str:
    """A binary identity of its own."""
    return str(uuid.uuid4().int % 10**12 + 10**12)


@pytest.fixture
def database_url(make_database: Callable[[], str]) -> str:
    url = make_database()
    upgrade(SecretStr(url))
    return url


@pytest.fixture
async def bench(database_url: str, kafka_servers: str) -> AsyncIterator[Bench]:
    """A started commander with short times, and a listener that is up."""
    kafka = KafkaSettings(bootstrap_servers=kafka_servers)
    settings = CommanderSettings(
        database_url=SecretStr(database_url),
        reply_timeout_s=1.0,
        dispatch_timeout_s=1.0,
        probes_host="127.0.0.1",
        probes_port=0,
    )
    async with (
        Publisher(kafka, client_id="commander-test") as publisher,
        Follower(kafka, [DOWNLINKS, COMMAND_STATUSES], client_id="commander-test", start="beginning") as follower,
    ):
        bench = Bench(settings, kafka, publisher, follower)
        await bench.listener_up()
        bench.start()
        try:
            yield bench
        finally:
            await bench.stop()
