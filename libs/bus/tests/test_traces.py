"""The trace of a record travels in its header `traceparent`; a record without one has no header at all."""

import asyncio
import uuid
from datetime import UTC, datetime

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from vt600_bus import Delivery, Follower, KafkaSettings, Publisher
from vt600_bus.records import LinkStatus
from vt600_bus.topics import LINK_STATUSES

pytestmark = pytest.mark.servers

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"


def status(device_id: str) -> LinkStatus:
    now = datetime.now(UTC)
    return LinkStatus(
        device_id=device_id,
        state="online",
        since=now,
        session_id="s",
        generation=1,
        listener_id="l",
        opened_at=now,
        transport="tcp",
        peer="192.0.2.1:1",
    )


async def test_each_record_of_a_batch_has_its_own_trace_or_no_header(kafka_servers: str) -> None:
    settings = KafkaSettings(bootstrap_servers=kafka_servers)
    device_id = uuid.uuid4().hex
    async with Publisher(settings, client_id="test") as publisher:
        for trace in (None, TRACE, None, TRACE.replace("b7", "c8")):
            publisher.publish(LINK_STATUSES, device_id, status(device_id), trace)
        assert await publisher.flush(30)
    found: list[Delivery] = []
    async with (
        asyncio.timeout(30),
        Follower(settings, [LINK_STATUSES], client_id="test", start="beginning") as follower,
    ):
        while len(found) < 4:
            found += [delivery for delivery in await follower.next_batch() if delivery.key == device_id]

    assert [delivery.traceparent for delivery in found] == [None, TRACE, None, TRACE.replace("b7", "c8")]
    assert [len(headers) for headers in await headers_of(kafka_servers, found[0])] == [0, 1, 0, 1]


async def headers_of(kafka_servers: str, first: Delivery) -> list[tuple[tuple[str, bytes], ...]]:
    """The headers of four records, as any client sees them."""
    consumer = AIOKafkaConsumer(bootstrap_servers=kafka_servers)
    await consumer.start()
    try:
        place = TopicPartition(LINK_STATUSES.name, first.partition)
        consumer.assign([place])
        consumer.seek(place, first.offset)
        return [(await consumer.getone()).headers for _ in range(4)]
    finally:
        await consumer.stop()
