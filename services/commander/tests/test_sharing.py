"""Commanders in company: what one leaves behind, another takes up, and nothing is sent twice."""

import asyncio
import os
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from pydantic import SecretStr

from vt600_bus import Follower, KafkaSettings, Publisher, decode
from vt600_bus.records import CommandStatus, Downlink, Session
from vt600_bus.topics import COMMAND_STATUSES, DELIVERY_REPORTS, DOWNLINKS, SESSIONS
from vt600_commander.migrate import upgrade
from vt600_commander.settings import CommanderSettings
from vt600_local.ports import free_port
from vt600_local.service import Service

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench

_DEVICES = 30
_PATIENCE_S = 90.0

StartCommander = Callable[[str], Service]


class Fleet:
    """Devices behind one listener that writes every dispatch once and whose devices answer at once."""

    def __init__(self, benches: "dict[str, Bench]", publisher: Publisher) -> None:
        self._benches = benches
        self._publisher = publisher
        self._carried_out: set[tuple[str, int]] = set()
        self.written: Counter[str] = Counter()
        self._revisions: dict[str, int] = {}
        self.states: dict[str, str] = {}

    async def run(self, follower: Follower) -> None:
        """Play listener and devices, and read what is told of commands, for ever."""
        while True:
            for delivery in await follower.next_batch():
                bench = self._benches.get(delivery.key or "")
                if bench is None:
                    continue
                if delivery.topic is COMMAND_STATUSES:
                    status = decode(CommandStatus, delivery.value)
                    if status.revision > self._revisions.get(
                        status.command_id, 0
                    ):  # what a killed one left is told later
                        self._revisions[status.command_id] = status.revision
                        self.states[status.command_id] = status.state
                    continue
                downlink = decode(Downlink, delivery.value)
                attempt = (downlink.command_id, downlink.attempt)
                if attempt not in self._carried_out:
                    self._carried_out.add(attempt)
                    self.written[downlink.command_id] += 1
                    for report in (bench.report(downlink, "written"), bench.reply(downlink)):
                        self._publisher.publish(DELIVERY_REPORTS, bench.device_id, report)

    async def until(self, done: Callable[[], bool]) -> None:
        try:
            async with asyncio.timeout(_PATIENCE_S):
                while not done():
                    await asyncio.sleep(0.01)
        except TimeoutError:
            pytest.fail(
                f"not within {_PATIENCE_S} s: {len(self.written)} written, last heard {Counter(self.states.values())}"
            )


async def renew(benches: "dict[str, Bench]") -> None:
    """Keep the listeners alive, as they do, for ever."""
    while True:
        for bench in benches.values():
            await bench.listener_up()
        await asyncio.sleep(2)


@pytest.fixture
def start_commander(kafka_servers: str, tmp_path: Path) -> Iterator[StartCommander]:
    """Starts processes on a database, ready when it returns."""
    with ExitStack() as stack:

        def start(url: str) -> Service:
            port = free_port()
            environment = {
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
                "COMMANDER_DATABASE_URL": url,
                "COMMANDER_PROBES_HOST": "127.0.0.1",
                "COMMANDER_PROBES_PORT": str(port),
            }
            log = tmp_path / f"commander-{port}.log"
            made = Service("commander", ["vt600_commander"], environment=environment, log=log, probes_port=port)
            stack.callback(made.stop)
            made.start()
            return made

        yield start


async def test_two_share_the_devices_and_one_that_is_killed_at_work_is_followed_without_a_double_dispatch(
    kafka_servers: str,
    make_bench: "type[Bench]",
    make_database: Callable[[], str],
    start_commander: StartCommander,
) -> None:
    url = make_database()
    await asyncio.to_thread(upgrade, SecretStr(url))
    kafka = KafkaSettings(bootstrap_servers=kafka_servers)
    async with (
        Publisher(kafka, client_id="sharing-test") as publisher,
        Follower(kafka, [DOWNLINKS, COMMAND_STATUSES], client_id="sharing-test", start="end") as follower,
        asyncio.TaskGroup() as tasks,
    ):
        unused = CommanderSettings(database_url=SecretStr("unused"))
        ids = [str(uuid.uuid4().int % 10**12 + 10**12) for _ in range(_DEVICES)]
        benches = {device_id: make_bench(device_id, unused, kafka, publisher, follower) for device_id in ids}
        fleet = Fleet(benches, publisher)
        playing = tasks.create_task(fleet.run(follower))
        await follower.caught_up.wait()
        first, second = [await asyncio.to_thread(start_commander, url) for _ in range(2)]
        leases = tasks.create_task(renew(benches))
        for bench in benches.values():
            await bench.link()
        asked: list[str] = []
        for number in range(6):
            asked += [await bench.ask("restart", deadline_s=600) for bench in benches.values()]
            if number == 2:
                await fleet.until(lambda: len(fleet.written) > _DEVICES)
                await asyncio.to_thread(first.kill)
        await fleet.until(lambda: all(fleet.states.get(command_id) == "acknowledged" for command_id in asked))
        leases.cancel()
        playing.cancel()

    assert set(fleet.written.values()) == {1}
    assert set(fleet.written) == set(asked)
    assert second.running


async def test_a_live_link_stays_the_last_word_on_its_device(bench: "Bench") -> None:
    older = await bench.link()
    newer = await bench.link()
    closed = structs.replace(older, state="closed", at=bench.now(), cause="idle")
    await bench.publisher.publish(SESSIONS, bench.device_id, closed)
    said: list[Session] = []
    leases = asyncio.create_task(renew({bench.device_id: bench}))
    async with (
        asyncio.timeout(_PATIENCE_S),
        Follower(bench.kafka, [SESSIONS], client_id="last-word-test", start="beginning") as follower,
    ):
        while len(said) < 4:
            found = [decode(Session, delivery.value) for delivery in await follower.next_batch()]
            said += [session for session in found if session.device_id == bench.device_id]
    leases.cancel()

    assert said == [older, newer, closed, newer]
