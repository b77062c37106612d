"""What limits on strangers cost those who are none: nothing."""

from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from vt600_api.ingest.admission import PendingPolicy
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.staging import KNOWN, SPREAD
from vt600_api.ingest.uplinks import UplinkWriter, prepare
from vt600_bus.records import Uplink

from .scanning import of

if TYPE_CHECKING:
    from ingest.conftest import RecordingPublisher

pytestmark = pytest.mark.servers


@pytest.fixture
async def ingesting(emptied_url: str) -> AsyncIterator[asyncpg.Connection]:
    """A connection as ingest has it."""
    connection = await asyncpg.connect(emptied_url)
    await prepare(connection)
    yield connection
    await connection.close()


@pytest.mark.parametrize("policy", [PendingPolicy(), PendingPolicy("reject"), PendingPolicy("adopt")])
async def test_a_batch_of_registered_devices_asks_two_questions_whatever_the_policy(
    empty_store: asyncpg.Connection,
    ingesting: asyncpg.Connection,
    make_uplink: Callable[..., Uplink],
    publisher: "RecordingPublisher",
    policy: PendingPolicy,
) -> None:
    devices = ["a", "b", "c"]
    await empty_store.execute(
        "INSERT INTO fleet.devices (device_id, state) SELECT unnest($1::text[]), 'active'", devices
    )
    writing = UplinkWriter(publisher, IngestMetrics(CollectorRegistry()), policy)
    await writing.write(ingesting, [of(make_uplink(0), name) for name in devices])  # the driver learns its types
    asked: list[str] = []
    with ingesting.query_logger(lambda query: asked.append(query.query)):
        await writing.write(ingesting, [of(make_uplink(at), name) for at in (1, 2) for name in devices])
        await ingesting.execute("SELECT")  # by the time of its answer all before it is logged

    assert [query for query in asked if query != "SELECT"] == ["BEGIN;", KNOWN, SPREAD, "COMMIT;"]
