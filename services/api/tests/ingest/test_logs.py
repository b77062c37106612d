"""Lines about frames, links and commands name them by the same keys as those of every other process."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import asyncpg
import pytest
import structlog
from msgspec import Struct, structs
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vt600_api.ingest.consumer import Consumer, Kind
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.sessions import SessionWriter
from vt600_api.ingest.statuses import read_status
from vt600_api.ingest.store import StoreConnection
from vt600_api.ingest.uplinks import read_uplink
from vt600_bus import Batch, DeadLetters, Delivery, KafkaSettings, Publisher, Subscriber, Topic, encode
from vt600_bus.records import Session, Uplink
from vt600_bus.topics import COMMAND_STATUSES, UPLINKS


class TakesAll(Publisher):
    """A bus that holds everything at once."""

    def publish(self, *_: object, **__: object) -> asyncio.Future[None]:
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done


async def refuse(topic: Topic[Any], read: Callable[[bytes | None], Struct], value: bytes) -> dict[str, Any]:
    """The line about a record that cannot be read."""

    async def nothing(_connection: object, _records: object) -> None:
        raise AssertionError("nothing is to be stored")

    kafka = KafkaSettings()
    consumer = Consumer(
        Kind(read, nothing),
        topic=topic.name,
        subscriber=Subscriber(kafka, group="test", topics=[topic], client_id="test"),
        store=StoreConnection(SecretStr("unused"), name="test"),
        dead_letters=DeadLetters(TakesAll(kafka, client_id="test"), "ingest"),
        metrics=IngestMetrics(CollectorRegistry()),
    )
    with structlog.testing.capture_logs() as lines:
        await consumer._handle(Batch([Delivery(topic, 3, 17, "7", value)], {}, {}, 0))
    return dict(lines[0])


async def test_a_refused_frame_names_device_link_and_frame(make_uplink: Callable[..., Uplink]) -> None:
    uplink = structs.replace(make_uplink(), received_at=datetime(2026, 1, 1))  # noqa: DTZ001  that is what is wrong

    assert await refuse(UPLINKS, read_uplink, encode(uplink)) == {
        "event": "record.refused",
        "log_level": "warning",
        "error": "RecordError: Uplink: a time without time zone",
        "topic": UPLINKS.name,
        "partition": 3,
        "offset": 17,
        "device_id": uplink.device_id,
        "session_id": uplink.session_id,
        "frame_id": uplink.frame_id,
        "listener_id": uplink.listener_id,
    }


async def test_a_refused_step_of_a_command_names_command_and_attempt() -> None:
    line = await refuse(COMMAND_STATUSES, read_status, b'{"command_id":"c","attempt":2,"device_id":"7"}')

    assert line.items() >= {"command_id": "c", "attempt": 2, "device_id": "7"}.items()


@pytest.mark.servers
async def test_a_link_s_life_names_device_link_and_listener(writing: asyncpg.Connection, device_id: str) -> None:
    now = datetime.now(UTC)
    opened = Session(
        device_id=device_id,
        session_id=f"session-{device_id}",
        generation=1,
        listener_id="listener-1",
        state="open",
        at=now,
        opened_at=now,
        dialect="binary",
        transport="tcp",
        peer="192.0.2.7:40001",
    )
    writer = SessionWriter(TakesAll(KafkaSettings(), client_id="test"))
    with structlog.testing.capture_logs() as lines:
        await writer.write(writing, [opened])
        await writer.write(writing, [structs.replace(opened, state="closed", cause="idle")])
    ids = {"device_id": device_id, "session_id": opened.session_id, "listener_id": "listener-1"}

    assert [(line["event"], line["state"], line["cause"]) for line in lines] == [
        ("link.changed", "online", None),
        ("link.changed", "offline", "idle"),
    ]
    assert all(line.items() >= ids.items() for line in lines)
