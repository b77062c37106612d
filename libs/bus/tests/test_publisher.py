"""What a publisher promises without a broker, and where it sends."""

import asyncio
from datetime import UTC, datetime

import pytest
from aiokafka.partitioner import DefaultPartitioner

from vt600_bus import Follower, KafkaSettings, Publisher, PublisherClosed, PublisherFull, RecordTooLarge
from vt600_bus.records import Session
from vt600_bus.topics import SESSIONS

AWAY = KafkaSettings(bootstrap_servers="127.0.0.1:1")


def session(device_id: str, cause: str | None = None) -> Session:
    now = datetime.now(UTC)
    return Session(
        device_id=device_id,
        session_id="s",
        generation=1,
        listener_id="publisher-test",
        state="open",
        at=now,
        opened_at=now,
        dialect="ascii",
        transport="tcp",
        peer="192.0.2.1:1",
        cause=cause,
    )


async def test_an_error_of_the_block_stays_as_it_is() -> None:
    async def fail() -> None:
        async with Publisher(AWAY, client_id="test"):
            raise ValueError("mine")

    with pytest.raises(ValueError, match="mine"):
        await fail()


async def test_what_no_broker_took_fails_when_the_publisher_ends() -> None:
    async with Publisher(AWAY, client_id="test") as publisher:
        futures = {publisher.publish(SESSIONS, str(number), session(str(number))) for number in range(100)}

        assert publisher.pending_records == 100
        assert publisher.oldest_pending_s > 0

    assert all(isinstance(future.exception(), PublisherClosed) for future in futures)
    with pytest.raises(PublisherClosed):
        publisher.publish(SESSIONS, "1", session("1"))


async def test_a_record_that_exceeds_the_whole_bound_is_too_large_and_not_a_reason_to_wait() -> None:
    async with Publisher(AWAY, client_id="test", max_pending_bytes=1000) as publisher:
        with pytest.raises(RecordTooLarge):
            publisher.publish(SESSIONS, "1", session("1", "x" * 1000))

        async with asyncio.timeout(5):
            await publisher.wait_for_room()


@pytest.mark.servers
async def test_who_waits_for_room_goes_on_when_the_broker_took_half(kafka_servers: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=kafka_servers)
    async with Publisher(kafka, client_id="test", max_pending_bytes=50_000) as publisher, asyncio.timeout(60):
        sent = refused = 0
        while sent < 2000:
            try:
                publisher.publish(SESSIONS, "room", session("room"))
                sent += 1
            except PublisherFull:
                refused += 1
                await publisher.wait_for_room()

                assert publisher.pending_bytes <= 25_000
        assert await publisher.flush(30)

    assert refused > 0


@pytest.mark.servers
async def test_keys_go_where_other_kafka_clients_send_them(kafka_servers: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=kafka_servers)
    keys = {f"publisher-test-{number}" for number in range(50)}
    partitions = list(range(SESSIONS.partitions))
    async with Publisher(kafka, client_id="test") as publisher:
        await asyncio.wait({publisher.publish(SESSIONS, key, session(key)) for key in keys})
    found: dict[str, int] = {}
    async with Follower(kafka, [SESSIONS], client_id="test", start="beginning") as follower, asyncio.timeout(30):
        while len(found) < len(keys):
            found |= {d.key: d.partition for d in await follower.next_batch() if d.key in keys}

    partitioner = DefaultPartitioner()

    assert found == {key: partitioner(key.encode(), partitions, partitions) for key in keys}
    assert partitioner(b"foobar", partitions, partitions) == (-790332482 & 0x7FFFFFFF) % SESSIONS.partitions


@pytest.mark.servers
async def test_the_largest_record_that_is_taken_fits_its_topic(kafka_servers: str) -> None:
    kafka = KafkaSettings(bootstrap_servers=kafka_servers)
    async with Publisher(kafka, client_id="test") as publisher:

        def publish(size: int) -> "asyncio.Future[None]":
            return publisher.publish(SESSIONS, "large", session("large", "x" * size))

        taken, refused = 0, SESSIONS.max_record_bytes
        async with asyncio.timeout(60):
            while refused - taken > 1:
                size = (taken + refused) // 2
                try:
                    await publish(size)
                except RecordTooLarge:
                    refused = size
                else:
                    taken = size

    assert taken > 1_000_000
