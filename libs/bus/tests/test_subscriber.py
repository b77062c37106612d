"""A consumer group that changes while batches are in hand."""

import asyncio
import uuid
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from vt600_bus import Batch, KafkaSettings, Publisher, Subscriber, Topic, apply_topics
from vt600_bus import subscriber as subscriber_module
from vt600_bus.records import Listener

pytestmark = pytest.mark.servers


def listener(name: str) -> Listener:
    now = datetime.now(UTC)
    return Listener(listener_id=name, state="up", started_at=now, renewed_at=now, lease_s=1, links=0)


def own_topic() -> Topic[Listener]:
    return Topic(f"vt600.test-{uuid.uuid4().hex}.v1", Listener, "listener_id", 4, {"cleanup.policy": "delete"})


@pytest.fixture
def kafka(kafka_servers: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka_servers)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(60):
        while not condition():
            await asyncio.sleep(0.02)


async def test_a_batch_whose_share_is_gone_is_not_committed_and_comes_again(kafka: KafkaSettings) -> None:
    topic, group = own_topic(), uuid.uuid4().hex
    await apply_topics(kafka, [topic])
    names = {f"name-{number}" for number in range(20)}
    seen: list[str | None] = []

    async def take(subscriber: Subscriber) -> None:
        while True:
            batch = await subscriber.next_batch()
            seen.extend(delivery.key for delivery in batch.deliveries)
            await subscriber.commit(batch)

    async with (
        Publisher(kafka, client_id="test") as publisher,
        Subscriber(kafka, group=group, topics=[topic], client_id="first") as first,
        Subscriber(kafka, group=group, topics=[topic], client_id="second") as second,
        asyncio.TaskGroup() as tasks,
    ):
        await asyncio.wait({publisher.publish(topic, name, listener(name)) for name in names})
        in_hand: list[Batch] = []
        async with asyncio.timeout(60):
            while sum(len(batch.deliveries) for batch in in_hand) < len(names):
                in_hand.append(await first.next_batch())
        taking = [tasks.create_task(take(second))]
        await until(lambda: second.assigned and first.assigned and in_hand[0].share != first._shares.count)
        for batch in in_hand:
            await first.commit(batch)
            first.seek_back(batch)
        taking.append(tasks.create_task(take(first)))
        await until(lambda: set(seen) == names)
        for task in taking:
            task.cancel()

    assert sorted(map(str, seen)) == sorted(names)


async def test_a_topic_that_is_not_there_yet_is_waited_for(
    kafka: KafkaSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(subscriber_module, "_START_LIMIT_S", 1.0)
    topic = own_topic()
    async with (
        Subscriber(kafka, group=uuid.uuid4().hex, topics=[topic], client_id="test") as subscriber,
        Publisher(kafka, client_id="test") as publisher,
        asyncio.TaskGroup() as tasks,
    ):
        reading = tasks.create_task(subscriber.next_batch())
        sent = publisher.publish(topic, "name", listener("name"))
        await asyncio.wait({sent}, timeout=2)

        assert not reading.done()
        assert not sent.done()

        await apply_topics(kafka, [topic])
        async with asyncio.timeout(60):
            await sent
            batch = await reading

    assert [delivery.key for delivery in batch.deliveries] == ["name"]


async def test_lag_tells_what_waits_in_our_share(kafka: KafkaSettings) -> None:
    topic = own_topic()
    await apply_topics(kafka, [topic])
    async with (
        Publisher(kafka, client_id="test") as publisher,
        Subscriber(kafka, group=uuid.uuid4().hex, topics=[topic], client_id="test", max_records=1) as subscriber,
    ):
        assert subscriber.lag() == 0

        await asyncio.wait({publisher.publish(topic, "name", listener("name")) for _ in range(10)})
        async with asyncio.timeout(60):
            await subscriber.next_batch()

            assert subscriber.lag() == 9
