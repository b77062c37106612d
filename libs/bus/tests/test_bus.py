"""Publisher, subscriber and follower against a real Kafka."""

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime

import pytest

from vt600_bus import (
    DeadLetters,
    Delivery,
    Follower,
    KafkaSettings,
    Publisher,
    PublisherFull,
    RecordTooLarge,
    Subscriber,
    apply_topics,
    decode,
)
from vt600_bus.records import DeadLetter, Listener, Reject
from vt600_bus.topics import DEAD_LETTERS, LISTENERS, REJECTS
from vt600_local.kafka import Kafka

pytestmark = pytest.mark.servers


def reject(peer: str, number: int, size: int = 4) -> Reject:
    return Reject(
        peer=peer,
        transport="tcp",
        listener_id="bus-test",
        received_at=datetime.now(UTC),
        reason="test",
        detail=str(number),
        raw=b"x" * size,
        total_bytes=size,
    )


@pytest.fixture
def kafka(kafka_servers: str) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=kafka_servers)


@pytest.fixture
async def publisher(kafka: KafkaSettings) -> AsyncIterator[Publisher]:
    async with Publisher(kafka, client_id="bus-test") as publisher:
        yield publisher


async def read(follower: Follower, peer: str, count: int) -> list[str]:
    """What was published under the key, in order."""
    found: list[str] = []
    async with asyncio.timeout(60):
        while len(found) < count:
            found += [decode(Reject, d.value).detail for d in await follower.next_batch() if d.key == peer]
    return found


async def test_records_of_a_key_come_in_the_order_they_were_published(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    peer = uuid.uuid4().hex
    futures = {publisher.publish(REJECTS, peer, reject(peer, number)) for number in range(5000)}
    await asyncio.wait(futures)
    async with Follower(kafka, [REJECTS], client_id="bus-test", start="beginning") as follower:
        found = await read(follower, peer, 5000)

    assert found == [str(number) for number in range(5000)]
    assert publisher.pending_records == publisher.pending_bytes == 0
    assert publisher.healthy


async def test_a_follower_from_the_end_sees_only_what_comes_after(kafka: KafkaSettings, publisher: Publisher) -> None:
    peer = uuid.uuid4().hex
    await publisher.publish(REJECTS, peer, reject(peer, 1))
    async with Follower(kafka, [REJECTS], client_id="bus-test", start="end") as follower:
        reading = asyncio.create_task(read(follower, peer, 1))
        await follower.caught_up.wait()
        await publisher.publish(REJECTS, peer, reject(peer, 2))

        assert await reading == ["2"]


async def test_a_follower_from_the_beginning_says_when_it_has_caught_up(
    kafka: KafkaSettings, publisher: Publisher
) -> None:
    now = datetime.now(UTC)
    name = uuid.uuid4().hex
    record = Listener(listener_id=name, state="up", started_at=now, renewed_at=now, lease_s=1, links=0)
    await publisher.publish(LISTENERS, name, record)
    seen: list[Delivery] = []
    async with Follower(kafka, [LISTENERS], client_id="bus-test", start="beginning") as follower:

        async def follow() -> None:
            while True:
                seen.extend(await follower.next_batch())

        task = asyncio.create_task(follow())
        async with asyncio.timeout(30):
            await follower.caught_up.wait()
        task.cancel()
        await asyncio.wait({task})

    assert name in {delivery.key for delivery in seen}


async def test_what_was_not_committed_comes_again(kafka: KafkaSettings, publisher: Publisher) -> None:
    group, peer = uuid.uuid4().hex, uuid.uuid4().hex

    async def read_all(subscriber: Subscriber, *, commit: bool) -> int:
        found = 0
        async with asyncio.timeout(60):
            while not found:
                batch = await subscriber.next_batch()
                found += sum(delivery.key == peer for delivery in batch.deliveries)
                if commit:
                    await subscriber.commit(batch)
        return found

    await publisher.publish(REJECTS, peer, reject(peer, 1))
    for commit in (False, True):
        async with Subscriber(kafka, group=group, topics=[REJECTS], client_id="bus-test") as subscriber:
            assert await read_all(subscriber, commit=commit) == 1
    await publisher.publish(REJECTS, peer, reject(peer, 2))
    async with Subscriber(kafka, group=group, topics=[REJECTS], client_id="bus-test") as subscriber:
        assert await read_all(subscriber, commit=True) == 1
        assert subscriber.assigned


async def test_a_batch_can_be_read_again(kafka: KafkaSettings, publisher: Publisher) -> None:
    group, peer = uuid.uuid4().hex, uuid.uuid4().hex
    await publisher.publish(REJECTS, peer, reject(peer, 1))
    async with (
        Subscriber(kafka, group=group, topics=[REJECTS], client_id="bus-test") as subscriber,
        asyncio.timeout(60),
    ):
        first = await subscriber.next_batch()
        subscriber.seek_back(first)
        missing = {(delivery.partition, delivery.offset) for delivery in first.deliveries}
        while missing:
            again = await subscriber.next_batch()
            missing -= {(delivery.partition, delivery.offset) for delivery in again.deliveries}


async def test_a_record_that_can_never_fit_is_refused_and_nothing_is_queued(publisher: Publisher) -> None:
    with pytest.raises(RecordTooLarge):
        publisher.publish(REJECTS, "peer", reject("peer", 1, 2_000_000))

    assert publisher.pending_records == 0


async def test_without_a_broker_the_publisher_fills_up_to_its_bound_and_says_so() -> None:
    away = KafkaSettings(bootstrap_servers="127.0.0.1:1")
    async with Publisher(away, client_id="bus-test", max_pending_bytes=100_000) as publisher:

        def fill() -> None:
            for number in range(1000):
                publisher.publish(REJECTS, "peer", reject("peer", number, 1000))

        with pytest.raises(PublisherFull):
            fill()

        assert publisher.pending_bytes <= 100_000
        assert not publisher.healthy
        assert not await publisher.flush(0.05)


async def test_a_broker_that_dies_and_comes_back_loses_nothing_and_keeps_the_order(
    own_kafka: Callable[[], Kafka],
) -> None:
    broker = own_kafka()
    kafka, peer = KafkaSettings(bootstrap_servers=broker.bootstrap_servers), "peer"
    async with Publisher(kafka, client_id="bus-test") as publisher:
        await publisher.publish(REJECTS, peer, reject(peer, 0))
        await asyncio.to_thread(broker.kill)
        futures = {publisher.publish(REJECTS, peer, reject(peer, number)) for number in range(1, 2000)}
        await asyncio.to_thread(broker.start)
        async with asyncio.timeout(60):
            await asyncio.wait(futures)
        async with Follower(kafka, [REJECTS], client_id="bus-test", start="beginning") as follower:
            found = await read(follower, peer, 2000)

    assert list(dict.fromkeys(found)) == [str(number) for number in range(2000)]


async def test_a_dead_letter_tells_where_it_came_from(kafka: KafkaSettings, publisher: Publisher) -> None:
    delivery = Delivery(REJECTS, 2, 77, uuid.uuid4().hex, b"broken")
    await DeadLetters(publisher, "bus-test").publish(delivery, ValueError("no such thing"))
    async with (
        Follower(kafka, [DEAD_LETTERS], client_id="bus-test", start="beginning") as follower,
        asyncio.timeout(30),
    ):
        letters: list[DeadLetter] = []
        while not letters:
            found = [decode(DeadLetter, entry.value) for entry in await follower.next_batch()]
            letters = [letter for letter in found if letter.key == (delivery.key or "").encode()]

    assert (letters[0].topic, letters[0].partition, letters[0].offset) == (REJECTS.name, 2, 77)
    assert letters[0].error == "ValueError: no such thing"
    assert letters[0].value == b"broken"


async def test_applying_the_topics_again_creates_nothing(kafka: KafkaSettings) -> None:
    assert await apply_topics(kafka) == []
