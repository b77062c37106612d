"""What was committed goes to the bus, whatever else works on the same commands."""

import asyncio
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import asyncpg
import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr
from sqlalchemy import text

from vt600_bus import KafkaSettings, Publisher
from vt600_commander.database import Store, create_engine
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.outbox import Outbox

if TYPE_CHECKING:
    from conftest import Desk

pytestmark = pytest.mark.servers

PUBLISHED = "SELECT command_id FROM commander.queued_commands WHERE published_attempt = 1 AND device_id = $1"
UNHEARD = text("UPDATE commander.queued_commands SET state = 'dispatched' WHERE device_id = :device_id")


@pytest.fixture
async def publisher(kafka_servers: str) -> AsyncIterator[Publisher]:
    async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="commander-test") as publisher:
        yield publisher


async def test_a_command_that_is_being_worked_on_is_noted_as_sent_later_and_nobody_waits_for_it(
    desk: "Desk", database_url: str, publisher: Publisher
) -> None:
    desk.bus_is_there = False
    desk.link()
    sent = []
    for _ in range(2):
        await desk.ask()
        sent.append(await desk.written())
        await desk.tell(desk.reply(sent[-1]))
    await desk.db.execute(UNHEARD, {"device_id": desk.device_id})
    await desk.db.commit()
    engine = create_engine(SecretStr(database_url))
    metrics = CommanderMetrics(CollectorRegistry(), devices=lambda: 0, pool_use=lambda: 0)
    outbox = Outbox(Store(engine), publisher, metrics, open_window=True)
    other = await asyncpg.connect(database_url)
    try:
        outbox.committed(sent)
        assert await publisher.flush(20)
        async with other.transaction(), asyncio.timeout(20):
            await other.execute(
                "UPDATE commander.queued_commands SET attempt = attempt WHERE command_id = $1", sent[1].command_id
            )
            await outbox.note_sent()
            early = await other.fetch(PUBLISHED, desk.device_id)
            await other.execute(
                "UPDATE commander.queued_commands SET attempt = attempt WHERE command_id = $1", sent[0].command_id
            )
        await outbox.note_sent()
        late = await other.fetch(PUBLISHED, desk.device_id)
    finally:
        await other.close()
        await engine.dispose()

    assert [row["command_id"] for row in early] == [sent[0].command_id]
    assert {row["command_id"] for row in late} == {record.command_id for record in sent}
