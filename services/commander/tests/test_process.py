"""The process itself: readiness, faults of its servers, company, and its end."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from msgspec import structs
from pydantic import SecretStr

from vt600_bus import Follower, KafkaSettings, Publisher, decode
from vt600_bus.records import DeadLetter
from vt600_bus.topics import COMMAND_REQUESTS, COMMAND_STATUSES, DEAD_LETTERS, DOWNLINKS
from vt600_commander.migrate import upgrade
from vt600_commander.settings import CommanderSettings
from vt600_local.kafka import Kafka
from vt600_local.ports import free_port
from vt600_local.postgres import Postgres
from vt600_local.service import Service

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Bench

_PATIENCE_S = 60.0


def service(folder: Path, kafka: str, database_url: str) -> Service:
    """`python -m vt600_commander`."""
    port = free_port()
    environment = {
        **os.environ,
        "KAFKA_BOOTSTRAP_SERVERS": kafka,
        "COMMANDER_DATABASE_URL": database_url,
        "COMMANDER_PROBES_HOST": "127.0.0.1",
        "COMMANDER_PROBES_PORT": str(port),
    }
    log = folder / f"commander-{port}.log"
    return Service("commander", ["vt600_commander"], environment=environment, log=log, probes_port=port)


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that no event tells."""
    async with asyncio.timeout(_PATIENCE_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def client(make_bench: "type[Bench]", device_id: str, kafka: str) -> AsyncIterator["Bench"]:
    """The other side of a commander that runs as a process."""
    settings = KafkaSettings(bootstrap_servers=kafka)
    async with (
        Publisher(settings, client_id="process-test") as publisher,
        Follower(settings, [DOWNLINKS, COMMAND_STATUSES], client_id="process-test", start="beginning") as follower,
    ):
        unused = CommanderSettings(database_url=SecretStr("unused"))
        bench = make_bench(device_id, unused, settings, publisher, follower)
        await bench.listener_up()
        yield bench


async def test_it_survives_its_servers_and_loses_no_command(
    own_kafka: Callable[[], Kafka],
    own_postgres: Callable[[], Postgres],
    make_bench: "type[Bench]",
    device_id: str,
    tmp_path: Path,
) -> None:
    kafka, postgres = own_kafka(), own_postgres()
    await asyncio.to_thread(upgrade, SecretStr(postgres.url))
    commander = service(tmp_path, kafka.bootstrap_servers, postgres.url)
    async with client(make_bench, device_id, kafka.bootstrap_servers) as bench:
        try:
            commander.start()
            await bench.link()
            for number, server in enumerate((postgres, kafka)):
                await asyncio.to_thread(server.kill)
                await until(lambda: not commander.is_ready())
                asking = asyncio.create_task(bench.ask("restart"))
                await asyncio.to_thread(server.start)
                await bench.listener_up()
                command_id = await asking
                downlink = await bench.next_downlink(after=number)
                await bench.tell(bench.report(downlink, "written"))
                await bench.tell(bench.reply(downlink))
                await bench.status(command_id, "acknowledged")
                await until(commander.is_ready)
        finally:
            commander.stop()

    assert commander.exit_code == 0
    assert [downlink.attempt for downlink in bench.downlinks] == [1, 1]
    assert "Traceback" not in commander.log.read_text()


async def test_a_killed_commander_is_followed_by_one_that_goes_on(
    kafka_servers: str, make_bench: "type[Bench]", device_id: str, make_database: Callable[[], str], tmp_path: Path
) -> None:
    url = make_database()
    await asyncio.to_thread(upgrade, SecretStr(url))
    first, second = service(tmp_path, kafka_servers, url), service(tmp_path, kafka_servers, url)
    async with client(make_bench, device_id, kafka_servers) as bench:
        try:
            first.start()
            await bench.link()
            command_id = await bench.ask("restart")
            downlink = await bench.next_downlink()
            first.kill()
            await bench.tell(bench.report(downlink, "written"))
            await bench.tell(bench.reply(downlink))
            second.start()
            await bench.status(command_id, "acknowledged")
        finally:
            first.stop()
            second.stop()

    assert bench.states(command_id) == ["queued", "dispatched", "written", "acknowledged"]


async def test_sent_twice_after_a_commander_crash(
    kafka_servers: str,
    make_bench: "type[Bench]",
    device_id: str,
    make_database: Callable[[], str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name in ("REPLY", "DISPATCH"):
        monkeypatch.setenv(f"COMMANDER_{name}_TIMEOUT_S", "0.5")
    url = make_database()
    await asyncio.to_thread(upgrade, SecretStr(url))
    commanders = [service(tmp_path, kafka_servers, url) for _ in range(3)]
    async with client(make_bench, device_id, kafka_servers) as bench:
        try:
            await bench.link()
            command_id = await bench.ask("set_immobiliser", deadline_s=15, engaged=True)
            for commander in commanders[:2]:  # the second finds what the first left behind, and dies of it too
                commander.start()
                await bench.next_downlink()
                commander.kill()
            await bench.link()
            commanders[2].start()
            await bench.status(command_id, "unknown")
        finally:
            for commander in commanders:
                commander.stop()

    # However often it is published: one attempt for one link is what a listener writes once, and a new link gets none.
    assert {(record.attempt, record.session_id) for record in bench.downlinks} == {(1, bench.downlinks[0].session_id)}


async def test_two_commanders_share_the_work_and_send_nothing_twice(bench: "Bench") -> None:
    bench.start()
    await bench.link()
    for number in range(20):
        command_id = await bench.ask()
        downlink = await bench.next_downlink(after=number)
        await bench.tell(bench.report(downlink, "written"))
        await bench.tell(bench.reply(downlink))
        await bench.status(command_id, "acknowledged")

    assert len(bench.downlinks) == len({downlink.command_id for downlink in bench.downlinks}) == 20


async def test_records_that_cannot_be_handled_are_buried_and_the_rest_goes_on(bench: "Bench") -> None:
    good = bench.request("identify")
    naive = structs.replace(good, command_id="naive", requested_at=good.requested_at.replace(tzinfo=None))
    unstorable = structs.replace(good, command_id="nul\x00")
    for request in (naive, unstorable, good):
        await bench.publisher.publish(COMMAND_REQUESTS, bench.device_id, request)
    await bench.status(good.command_id, "queued")
    letters: list[DeadLetter] = []
    follower = Follower(bench.kafka, [DEAD_LETTERS], client_id="test", start="beginning")
    async with asyncio.timeout(_PATIENCE_S), follower:
        while len(letters) < 2:
            found = [decode(DeadLetter, delivery.value) for delivery in await follower.next_batch()]
            letters += [letter for letter in found if letter.key == bench.device_id.encode()]

    assert {letter.consumer for letter in letters} == {"commander"}
    assert "zone" in letters[0].error


@pytest.mark.parametrize("missing", [True, False])
def test_bad_settings_are_one_line(*, missing: bool) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("COMMANDER_")}
    if not missing:
        environment |= {"COMMANDER_DATABASE_URL": "postgresql://x", "COMMANDER_ATTEMPTS": "none"}
    done = subprocess.run(
        [sys.executable, "-m", "vt600_commander"], env=environment, capture_output=True, check=False, timeout=60
    )

    assert done.returncode == 2
    (line,) = done.stdout.splitlines()
    assert json.loads(line)["event"] == "settings.invalid"
    assert done.stderr == b""


def test_a_commander_that_comes_before_its_tables_waits_for_them(
    kafka_servers: str, make_database: Callable[[], str], tmp_path: Path
) -> None:
    url = make_database()
    commander = service(tmp_path, kafka_servers, url)
    commander.launch()
    try:
        asyncio.run(until(lambda: "database.unreachable" in commander.log.read_text()))
        was_ready = commander.is_ready()
        upgrade(SecretStr(url))
        asyncio.run(until(commander.is_ready))
    finally:
        commander.stop()

    assert not was_ready
    assert commander.exit_code == 0
    assert "Traceback" not in commander.log.read_text()


def test_it_ends_cleanly_on_sigterm_while_its_servers_are_away(tmp_path: Path) -> None:
    commander = service(tmp_path, "127.0.0.1:1", "postgresql://nobody@127.0.0.1:1/nothing")
    commander.launch()
    try:
        asyncio.run(until(lambda: "bus.unreachable" in commander.log.read_text()))
        os.kill(commander.pid, signal.SIGTERM)
        asyncio.run(until(lambda: not commander.running))
    finally:
        commander.stop()

    assert commander.exit_code == 0
