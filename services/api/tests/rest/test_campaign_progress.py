"""Progress of campaigns on the bus."""

import asyncio

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from rest.campaigns import TWELVE_DEVICES, begin, end, make_runner
from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.records import CampaignProgress
from vt600_bus.topics import CAMPAIGNS

pytestmark = pytest.mark.servers


async def told_until_the_end(kafka: KafkaSettings, path: str) -> list[CampaignProgress]:
    """What was published of one campaign."""
    found: list[CampaignProgress] = []
    async with asyncio.timeout(30), Follower(kafka, [CAMPAIGNS], client_id="api-test", start="beginning") as follower:
        while not found or found[-1].state in ("running", "paused"):
            records = [decode(CampaignProgress, delivery.value) for delivery in await follower.next_batch()]
            found += [record for record in records if path.endswith(record.campaign_id)]
    return found


async def test_progress_is_published_when_it_changed_and_the_end_by_whoever_comes_next(
    app: FastAPI, admin: httpx.AsyncClient, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    await database.execute(TWELVE_DEVICES)
    path = await begin(admin, filter={"q": "van 1"})
    runner = make_runner(app)
    for _ in range(3):
        await runner.round()
    await admin.post(f"{path}/pause")
    await runner.round()
    await end(database, "acknowledged", 3)
    await runner.round()
    await admin.post(f"{path}/resume")
    await end(database, "failed")
    await make_runner(app).round()
    told = await told_until_the_end(kafka_settings, path)

    assert [(one.state, one.waiting, one.refused, one.commands) for one in told] == [
        ("running", 4, 0, {}),
        ("running", 0, 0, {"queued": 4}),
        ("paused", 0, 0, {"queued": 4}),
        ("paused", 0, 0, {"queued": 1, "acknowledged": 3}),
        ("finished", 0, 0, {"acknowledged": 3, "failed": 1}),
    ]


async def test_an_end_that_nobody_could_be_told_of_is_none_yet(
    app: FastAPI, admin: httpx.AsyncClient, database: asyncpg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    await database.execute(TWELVE_DEVICES)
    path = await begin(admin, filter={"q": "van 12"})
    runner = make_runner(app)
    await runner.round()
    await end(database, "acknowledged")
    with monkeypatch.context() as away:
        away.setattr(type(app.state.services.publisher), "healthy", property(lambda _: False))
        await runner.round()
        before = (await admin.get(path)).json()["state"]
    await runner.round()

    assert before == "running"
    assert (await admin.get(path)).json()["state"] == "finished"
