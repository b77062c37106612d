"""What becomes of batches when records are bad, or the store, the bus or the process dies. Real Kafka, real PostgreSQL."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import pytest
from msgspec import structs
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vt600_api.ingest.consumer import Consumer, Kind
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.store import StoreConnection
from vt600_api.ingest.uplinks import UplinkWriter, prepare, read_uplink
from vt600_api.migrate import upgrade
from vt600_bus import DeadLetters, Follower, KafkaSettings, Publisher, Subscriber, Topic, decode
from vt600_bus.records import DeadLetter, Report, Uplink
from vt600_bus.topics import DEAD_LETTERS, REPORTS, UPLINKS

pytestmark = pytest.mark.servers

MakeUplink = Callable[..., Uplink]
Eventually = Callable[..., Awaitable[None]]


class Harness:
    """Consumers of uplinks on one group, started and crashed by the test."""

    def __init__(self, kafka: KafkaSettings, url: str, publisher: Publisher) -> None:
        self._kafka = kafka
        self._url = url
        self._group = f"test-{uuid.uuid4().hex}"
        self.publisher = publisher
        self.store: StoreConnection | None = None
        self.registry = CollectorRegistry()

    @asynccontextmanager
    async def running(self, writer_class: type[UplinkWriter] = UplinkWriter) -> AsyncIterator[Consumer[Uplink]]:
        """A consumer at work; what it does at the end of the block is what a killed process does: nothing."""
        self.registry = CollectorRegistry()
        metrics = IngestMetrics(self.registry)
        store = StoreConnection(SecretStr(self._url), name="test", prepare=prepare)
        consumer = Consumer(
            Kind(read_uplink, writer_class(self.publisher, metrics).write),
            topic=UPLINKS.name,
            subscriber=Subscriber(self._kafka, group=self._group, topics=[UPLINKS], client_id="test", fetch_wait_ms=10),
            store=store,
            dead_letters=DeadLetters(self.publisher, "ingest"),
            metrics=metrics,
        )
        async with asyncio.TaskGroup() as tasks:
            working = [tasks.create_task(store.keep()), tasks.create_task(consumer.run(asyncio.Event()))]
            yield consumer
            for task in working:
                task.cancel()

    async def send(self, *uplinks: Uplink) -> None:
        """Put uplinks on the bus."""
        for uplink in uplinks:
            await self.publisher.publish(UPLINKS, uplink.device_id, uplink)

    def value(self, name: str, **labels: str) -> float | None:
        """A metric of the running consumer."""
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def kafka(kafka_servers: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka_servers)


@pytest.fixture
async def bus(kafka: KafkaSettings) -> AsyncIterator[Publisher]:
    async with Publisher(kafka, client_id="test", linger_s=0.0) as publisher:
        yield publisher


@pytest.fixture
def harness(kafka: KafkaSettings, fleet_url: str, bus: Publisher) -> Harness:
    return Harness(kafka, fleet_url, bus)


@pytest.fixture
def stored(database: asyncpg.Connection, device_id: str) -> Callable[[], Awaitable[int]]:
    """How many reports of the test's device are in the store."""

    async def stored() -> int:
        return int(await database.fetchval("SELECT count(*) FROM fleet.reports WHERE device_id = $1", device_id))

    return stored


async def records_of(kafka: KafkaSettings, topic: Topic[Any], mine: Callable[[Any], bool]) -> list[Any]:
    """Every record on the topic that is the test's own."""
    found: list[Any] = []

    async def collect(follower: Follower) -> None:
        while True:
            records = [decode(topic.record, each.value) for each in await follower.next_batch()]
            found.extend(record for record in records if mine(record))

    async with Follower(kafka, [topic], client_id="test", start="beginning") as follower, asyncio.TaskGroup() as tasks:
        collecting = tasks.create_task(collect(follower))
        async with asyncio.timeout(20):
            await follower.caught_up.wait()
        collecting.cancel()
    return found


async def test_every_report_is_stored_and_published_once(
    harness: Harness,
    make_uplink: MakeUplink,
    stored: Callable[[], Awaitable[int]],
    eventually: Eventually,
    kafka: KafkaSettings,
    device_id: str,
) -> None:
    uplinks = [make_uplink(at) for at in range(50)]
    async with harness.running():
        await harness.send(*uplinks, *uplinks)
        await eventually(stored, 50)
    async with harness.running():
        await harness.send(make_uplink(50))
        await eventually(stored, 51)

    reports: list[Report] = await records_of(kafka, REPORTS, lambda report: report.device_id == device_id)

    assert [report.frame_id for report in reports] == [
        *(uplink.frame_id for uplink in uplinks),
        make_uplink(50).frame_id,
    ]


async def test_a_record_that_cannot_be_decoded_is_a_dead_letter_and_the_partition_moves_on(
    harness: Harness,
    make_uplink: MakeUplink,
    stored: Callable[[], Awaitable[int]],
    eventually: Eventually,
    kafka: KafkaSettings,
    device_id: str,
) -> None:
    wrong = structs.replace(make_uplink(0), received_at=make_uplink(0).received_at.replace(tzinfo=None))
    async with harness.running():
        await harness.send(wrong, make_uplink(1))
        await eventually(stored, 1)

        letters: list[DeadLetter] = await records_of(
            kafka, DEAD_LETTERS, lambda letter: letter.key == device_id.encode()
        )

        assert harness.value("vt600_ingest_dead_letters_total", topic=UPLINKS.name) == 1.0
    (letter,) = letters
    assert (letter.topic, letter.consumer) == (UPLINKS.name, "ingest")
    assert "time zone" in letter.error
    assert decode(Uplink, letter.value) == wrong


async def test_a_record_that_the_store_refuses_is_a_dead_letter_and_its_neighbours_are_stored(
    harness: Harness,
    make_uplink: MakeUplink,
    stored: Callable[[], Awaitable[int]],
    eventually: Eventually,
    kafka: KafkaSettings,
    device_id: str,
) -> None:
    uplinks = [make_uplink(at) for at in range(20)]
    uplinks[7] = structs.replace(uplinks[7], frame_id="no hash")
    uplinks[13] = structs.replace(uplinks[13], generation=2**63)
    await harness.send(*uplinks)
    async with harness.running():
        await eventually(stored, 18)

        letters: list[DeadLetter] = await records_of(
            kafka, DEAD_LETTERS, lambda letter: letter.key == device_id.encode()
        )

    assert sorted(decode(Uplink, letter.value).received_at for letter in letters) == [
        uplinks[7].received_at,
        uplinks[13].received_at,
    ]


async def test_a_crash_between_publish_and_commit_publishes_again_and_doubles_no_row(
    harness: Harness,
    make_uplink: MakeUplink,
    stored: Callable[[], Awaitable[int]],
    eventually: Eventually,
    kafka: KafkaSettings,
    device_id: str,
) -> None:
    published = asyncio.Event()

    class DiesAfterPublishing(UplinkWriter):
        async def _publish(self, reports: Sequence[Report], fresh: Any) -> None:
            await super()._publish(reports, fresh)
            if any(report.device_id == device_id for report in reports):
                published.set()
                await asyncio.Event().wait()

    uplink = make_uplink()
    await harness.send(uplink)
    async with harness.running(DiesAfterPublishing):
        async with asyncio.timeout(20):
            await published.wait()
        assert await stored() == 0
    async with harness.running():
        await eventually(stored, 1)

    reports: list[Report] = await records_of(kafka, REPORTS, lambda report: report.device_id == device_id)

    assert [report.frame_id for report in reports] == [uplink.frame_id, uplink.frame_id]
    assert reports[0] == reports[1]


async def test_a_crash_between_commit_and_offset_changes_nothing(
    harness: Harness,
    make_uplink: MakeUplink,
    stored: Callable[[], Awaitable[int]],
    eventually: Eventually,
    kafka: KafkaSettings,
    device_id: str,
) -> None:
    committed = asyncio.Event()

    class DiesAfterCommit(UplinkWriter):
        async def write(self, connection: asyncpg.Connection, uplinks: Sequence[Uplink], **more: Any) -> None:
            await super().write(connection, uplinks, **more)
            if any(uplink.device_id == device_id for uplink in uplinks):
                committed.set()
                await asyncio.Event().wait()

    await harness.send(make_uplink(0))
    async with harness.running(DiesAfterCommit):
        async with asyncio.timeout(20):
            await committed.wait()
    async with harness.running():
        await harness.send(make_uplink(1))
        await eventually(stored, 2)

    reports: list[Report] = await records_of(kafka, REPORTS, lambda report: report.device_id == device_id)

    assert [report.frame_id for report in reports] == [make_uplink(0).frame_id, make_uplink(1).frame_id]


async def test_two_consumers_of_the_same_records_leave_each_once(
    kafka: KafkaSettings,
    fleet_url: str,
    bus: Publisher,
    make_uplink: MakeUplink,
    database: asyncpg.Connection,
    eventually: Eventually,
    device_id: str,
) -> None:
    one, other = Harness(kafka, fleet_url, bus), Harness(kafka, fleet_url, bus)
    uplinks = [make_uplink(at) for at in range(500)]
    query = "SELECT count(*), count(DISTINCT frame_id) FROM fleet.reports WHERE device_id = $1"

    async def counts() -> tuple[int, int]:
        (row,) = await database.fetch(query, device_id)
        return row[0], row[1]

    async with one.running(), other.running():
        await one.send(*uplinks[:250])
        await other.send(*uplinks[250:])
        await eventually(counts, (500, 500))

    reports: list[Report] = await records_of(kafka, REPORTS, lambda report: report.device_id == device_id)

    assert len(reports) == 500


async def test_the_store_killed_and_back_loses_nothing(
    kafka: KafkaSettings,
    bus: Publisher,
    own_postgres: Callable[[], Any],
    make_uplink: MakeUplink,
    eventually: Eventually,
    device_id: str,
) -> None:
    postgres = own_postgres()
    await asyncio.to_thread(upgrade, SecretStr(postgres.url))
    harness = Harness(kafka, postgres.url, bus)

    async def rows() -> int:
        connection = await asyncpg.connect(postgres.url)
        try:
            query = "SELECT count(*) FROM fleet.reports WHERE device_id = $1"
            return int(await connection.fetchval(query, device_id))
        finally:
            await connection.close()

    async with harness.running() as consumer:

        async def ready() -> bool:
            return consumer.problem() is None

        await harness.send(make_uplink(0))
        await eventually(rows, 1)
        await eventually(ready, expected=True)
        await asyncio.to_thread(postgres.kill)
        await eventually(ready, expected=False)
        await harness.send(make_uplink(1))
        await asyncio.to_thread(postgres.start)
        await eventually(rows, 2)
        await eventually(ready, expected=True)


async def test_an_idle_consumer_is_ready_again_when_the_store_is_back(
    harness: Harness, database: asyncpg.Connection, eventually: Eventually
) -> None:
    async with harness.running() as consumer:

        async def ready() -> bool:
            return consumer.problem() is None

        async def reconnected() -> bool:
            others = "application_name = 'test' AND datname = current_database() AND pid <> $1"
            return bool(await database.fetchval(f"SELECT count(*) FROM pg_stat_activity WHERE {others}", first))  # noqa: S608

        await eventually(ready, expected=True)
        query = "SELECT pid FROM pg_stat_activity WHERE application_name = 'test' AND datname = current_database()"
        first = await database.fetchval(query)
        await database.execute("SELECT pg_terminate_backend($1)", first)
        await eventually(reconnected, expected=True)
        await eventually(ready, expected=True)


async def test_a_bus_that_does_not_take_the_reports_holds_the_batch_back_and_no_transaction_open(
    harness: Harness,
    bus: Publisher,
    make_uplink: MakeUplink,
    stored: Callable[[], Awaitable[int]],
    database: asyncpg.Connection,
    eventually: Eventually,
    monkeypatch: pytest.MonkeyPatch,
    device_id: str,
) -> None:
    taken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    publish = bus.publish

    def hold_reports(topic: Topic[Any], key: str, record: Any, *trace: str) -> asyncio.Future[None]:
        return taken if topic is REPORTS and key == device_id else publish(topic, key, record, *trace)

    async def open_transactions() -> int:
        query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'test' AND state LIKE 'idle in trans%'"
        return int(await database.fetchval(query))

    async def retries() -> float | None:
        return harness.value("vt600_ingest_retries_total", topic=UPLINKS.name)

    monkeypatch.setattr(bus, "publish", hold_reports)
    monkeypatch.setattr("vt600_api.ingest.uplinks._PUBLISH_TIMEOUT_S", 0.1)
    await harness.send(make_uplink())
    async with harness.running():
        await eventually(retries, 1.0)
        assert await stored() == 0
        assert await open_transactions() == 0
        taken.set_result(None)
        await eventually(stored, 1)
