"""A member that is told to end leaves its group at once; the others need not wait until its session is over."""

import asyncio

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from tests.gateway import Gateway, eventually

from vt600_local.service import Service

pytestmark = pytest.mark.servers


async def members(gateway: Gateway, *groups: str) -> list[set[int]]:
    """The process ids of each group's members, by their clients' names."""
    admin = AIOKafkaAdminClient(bootstrap_servers=gateway.kafka_servers)
    await admin.start()
    try:
        answers = [await admin.describe_consumer_groups([group]) for group in groups]
    finally:
        await admin.close()
    return [{int(member[1].rpartition("-")[2]) for member in answer[0].groups[0][5]} for answer in answers]


@pytest.mark.parametrize(
    ("name", "groups"),
    [("ingest", ["ingest", "ingest-command-statuses", "ingest-rejects"]), ("commander", ["commander"])],
)
async def test_who_is_told_to_end_has_left_its_groups_when_it_is_gone(
    gateway: Gateway, name: str, groups: list[str]
) -> None:
    staying: Service = getattr(gateway, name)
    leaving = gateway.add_ingest() if name == "ingest" else gateway.add_commander()
    await asyncio.to_thread(leaving.start)
    await eventually(lambda: members(gateway, *groups), [{staying.pid, leaving.pid}] * len(groups))
    leaving.terminate()
    while leaving.running:
        await asyncio.sleep(0.01)

    assert leaving.exit_code == 0
    assert await members(gateway, *groups) == [{staying.pid}] * len(groups)


async def test_who_is_killed_is_a_member_until_its_session_is_over(gateway: Gateway) -> None:
    killed = gateway.add_ingest()
    await asyncio.to_thread(killed.start)
    await asyncio.to_thread(killed.kill)

    assert await members(gateway, "ingest") == [{gateway.ingest.pid, killed.pid}]

    await eventually(lambda: members(gateway, "ingest"), [{gateway.ingest.pid}])
