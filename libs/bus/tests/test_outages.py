"""A broker that freezes or dies, under a publisher, a subscriber and a follower. Nothing is lost and nobody hangs."""

import asyncio
import os
import signal
import uuid
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from pydantic import SecretStr

from vt600_bus import Delivery, Follower, KafkaSettings, Publisher, Subscriber, Topic, apply_topics, decode
from vt600_bus.outage import why_unreachable
from vt600_bus.records import Listener, Reject
from vt600_bus.topics import LISTENERS, REJECTS
from vt600_local.kafka import Kafka

pytestmark = pytest.mark.servers

_PATIENCE_S = 60.0
_LEAVE_LIMIT_S = 15.0


def reject(peer: str, number: int, raw: bytes = b"") -> Reject:
    return Reject(
        peer=peer,
        transport="tcp",
        listener_id="outage-test",
        received_at=datetime.now(UTC),
        reason="test",
        detail=str(number),
        raw=raw,
        total_bytes=len(raw),
    )


def listener(name: str) -> Listener:
    now = datetime.now(UTC)
    return Listener(listener_id=name, state="up", started_at=now, renewed_at=now, lease_s=1, links=0)


@pytest.fixture(scope="module")
def broker(servers_folder: Path) -> Iterator[Kafka]:
    """One broker for all of this file, which it freezes and kills."""
    broker = Kafka(servers_folder / "kafka-of-outages")
    try:
        broker.start()
        asyncio.run(apply_topics(KafkaSettings(bootstrap_servers=broker.bootstrap_servers)))
        yield broker
    finally:
        broker.stop()


@pytest.fixture
def kafka(broker: Kafka) -> KafkaSettings:
    return KafkaSettings(bootstrap_servers=broker.bootstrap_servers)


@contextmanager
def frozen(broker: Kafka) -> Iterator[None]:
    """The broker keeps its connections and answers nothing."""
    os.kill(broker.pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(_PATIENCE_S):
        while not condition():
            await asyncio.sleep(0.02)


async def read(kafka: KafkaSettings, topic: Topic[Reject], peers: set[str], count: int) -> dict[str, list[int]]:
    """The numbers under each key, in the order of the log; repeats that follow a failed try are left out."""
    found: dict[str, list[int]] = {peer: [] for peer in peers}
    async with (
        Follower(kafka, [topic], client_id="test", start="beginning") as follower,
        asyncio.timeout(_PATIENCE_S),
    ):
        while any(len(set(numbers)) < count for numbers in found.values()):
            for delivery in await follower.next_batch():
                if delivery.key in peers:
                    found[delivery.key].append(int(decode(Reject, delivery.value).detail))
    return {peer: list(dict.fromkeys(numbers)) for peer, numbers in found.items()}


def own_topic() -> Topic[Reject]:
    return Topic(f"vt600.test-{uuid.uuid4().hex}.v1", Reject, "peer", 1, {"max.message.bytes": "1000000"})


async def test_a_broker_that_takes_connections_and_says_nothing_is_named_with_a_reason() -> None:
    left = asyncio.Event()

    async def listen(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read()
        writer.close()
        left.set()

    server = await asyncio.start_server(listen, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    settings = KafkaSettings(
        bootstrap_servers=f"127.0.0.1:{port}", security_protocol="SASL_PLAINTEXT", sasl_mechanism="SCRAM-SHA-512",
        sasl_username="me", sasl_password=SecretStr("secret"),
    )  # fmt: skip
    try:
        assert await why_unreachable(settings) == f"127.0.0.1:{port}: TimeoutError"
        await left.wait()
    finally:
        server.close()


async def test_a_batch_that_fails_is_sent_again_before_what_came_later_and_holds_up_nobody_else(
    kafka: KafkaSettings,
) -> None:
    peer, topic = uuid.uuid4().hex, own_topic()
    await apply_topics(kafka, [replace(topic, config={"max.message.bytes": "2000"})])
    async with Publisher(kafka, client_id="test") as publisher:
        await publisher.publish(topic, peer, reject(peer, 0))
        first = (await publisher._supply.get()).producer
        stuck = {publisher.publish(topic, peer, reject(peer, 1, os.urandom(5000)))}
        await until(lambda: first._closed)
        stuck |= {publisher.publish(topic, peer, reject(peer, number)) for number in range(2, 100)}
        async with asyncio.timeout(_PATIENCE_S):
            for number in range(100):
                await publisher.publish(REJECTS, peer, reject(peer, number))

        assert not any(future.done() for future in stuck)

        await until(lambda: not publisher.healthy)
        await apply_topics(kafka, [topic])
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.wait(stuck)
        await until(lambda: publisher.healthy)

    assert {future.exception() for future in stuck} == {None}
    assert await read(kafka, topic, {peer}, 100) == {peer: list(range(100))}
    assert await read(kafka, REJECTS, {peer}, 100) == {peer: list(range(100))}


async def test_who_waits_for_a_topic_is_not_forgotten_when_the_producer_is_replaced(kafka: KafkaSettings) -> None:
    tight, missing = own_topic(), own_topic()
    await apply_topics(kafka, [replace(tight, config={"max.message.bytes": "2000"})])
    async with Publisher(kafka, client_id="test") as publisher:
        await publisher.publish(REJECTS, "peer", reject("peer", 0))
        first = (await publisher._supply.get()).producer
        waiting = publisher.publish(missing, "peer", reject("peer", 1))
        publisher.publish(tight, "peer", reject("peer", 1, os.urandom(5000)))
        await until(lambda: first._closed)
        await apply_topics(kafka, [missing, tight])
        async with asyncio.timeout(_PATIENCE_S):
            await waiting


async def test_what_was_published_to_a_frozen_broker_arrives_once_it_thaws(broker: Kafka, kafka: KafkaSettings) -> None:
    peers = {uuid.uuid4().hex for _ in range(9)}
    async with Publisher(kafka, client_id="test") as publisher:

        def publish(numbers: range) -> "set[asyncio.Future[None]]":
            return {publisher.publish(REJECTS, peer, reject(peer, number)) for number in numbers for peer in peers}

        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.wait(publish(range(100)))
        with frozen(broker):
            futures = publish(range(100, 200))
            await until(lambda: not publisher.healthy)
            futures |= publish(range(200, 300))

            assert not any(future.done() for future in futures)
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.wait(futures)
        await until(lambda: publisher.healthy)

    assert {future.exception() for future in futures} == {None}
    assert await read(kafka, REJECTS, peers, 300) == {peer: list(range(300)) for peer in peers}


async def test_an_away_broker_is_noticed_when_nothing_is_pending(broker: Kafka, kafka: KafkaSettings) -> None:
    async with Publisher(kafka, client_id="test") as publisher:
        await until(lambda: publisher.healthy)
        with frozen(broker):
            await until(lambda: not publisher.healthy)

            assert publisher.oldest_pending_s == 0.0
        await until(lambda: publisher.healthy)


async def leave_publisher(broker: Kafka, kafka: KafkaSettings) -> None:
    async with Publisher(kafka, client_id="test") as publisher:
        await publisher.publish(REJECTS, "peer", reject("peer", 1))
        os.kill(broker.pid, signal.SIGSTOP)
        publisher.publish(REJECTS, "peer", reject("peer", 2))
        publisher.publish(LISTENERS, "name", listener("name"))

        assert not await publisher.flush(0.3)


async def leave_subscriber(broker: Kafka, kafka: KafkaSettings) -> None:
    async with Subscriber(kafka, group=uuid.uuid4().hex, topics=[REJECTS], client_id="test") as subscriber:
        batch = await subscriber.next_batch()
        os.kill(broker.pid, signal.SIGSTOP)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await subscriber.commit(batch)


async def leave_follower(broker: Kafka, kafka: KafkaSettings) -> None:
    async with Follower(kafka, [REJECTS], client_id="test", start="beginning") as follower:
        await follower.next_batch()
        os.kill(broker.pid, signal.SIGSTOP)
        with suppress(TimeoutError):
            async with asyncio.timeout(0.3):
                await follower.next_batch()


@pytest.mark.parametrize("leave", [leave_publisher, leave_subscriber, leave_follower])
async def test_leaving_while_the_broker_is_away_takes_a_moment_and_leaves_nothing_behind(
    broker: Kafka, kafka: KafkaSettings, leave: Callable[[Kafka, KafkaSettings], Awaitable[None]]
) -> None:
    async with Publisher(kafka, client_id="test") as publisher:
        await publisher.publish(REJECTS, "peer", reject("peer", 0))
    before = asyncio.all_tasks()
    try:
        async with asyncio.timeout(_LEAVE_LIMIT_S):
            await leave(broker, kafka)
        await asyncio.sleep(0)
        left = asyncio.all_tasks() - before
    finally:
        os.kill(broker.pid, signal.SIGCONT)

    assert left == set()


async def test_readers_go_on_where_they_were_when_a_killed_broker_is_back(broker: Kafka, kafka: KafkaSettings) -> None:
    peer = uuid.uuid4().hex
    followed: list[int] = []
    taken: list[int] = []

    def numbers(deliveries: list[Delivery]) -> list[int]:
        return [int(decode(Reject, delivery.value).detail) for delivery in deliveries if delivery.key == peer]

    async def follow(follower: Follower) -> None:
        while True:
            followed.extend(numbers(await follower.next_batch()))

    async def take(subscriber: Subscriber) -> None:
        while True:
            batch = await subscriber.next_batch()
            taken.extend(numbers(batch.deliveries))
            await subscriber.commit(batch)

    async with (
        Publisher(kafka, client_id="test") as publisher,
        Follower(kafka, [REJECTS], client_id="test", start="beginning") as follower,
        Subscriber(kafka, group=peer, topics=[REJECTS], client_id="test") as subscriber,
        asyncio.TaskGroup() as tasks,
    ):
        reading = [tasks.create_task(follow(follower)), tasks.create_task(take(subscriber))]
        futures = {publisher.publish(REJECTS, peer, reject(peer, number)) for number in range(100)}
        await until(lambda: len(followed) == len(taken) == 100)
        await asyncio.to_thread(broker.kill)
        futures |= {publisher.publish(REJECTS, peer, reject(peer, number)) for number in range(100, 200)}
        await asyncio.to_thread(broker.start)
        async with asyncio.timeout(_PATIENCE_S):
            await asyncio.wait(futures)
        await until(lambda: len(followed) >= 200 and len(set(taken)) >= 200)
        for task in reading:
            task.cancel()

    assert followed == list(range(200))
    assert list(dict.fromkeys(taken)) == list(range(200))
