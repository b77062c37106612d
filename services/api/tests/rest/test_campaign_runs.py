"""Campaigns carried out by a runner on a real store and a real bus."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from rest.campaigns import TWELVE_DEVICES, begin, end, make_runner, requests_until, states
from vt600_api.campaigns.runner import Runner
from vt600_api.errors import ApiError
from vt600_bus import KafkaSettings

if TYPE_CHECKING:
    from rest.conftest import Drives

pytestmark = pytest.mark.servers

CUT = {"type": "set_immobiliser", "args": {"engaged": True}}


@pytest.fixture(autouse=True)
async def devices(database: asyncpg.Connection) -> None:
    await database.execute(TWELVE_DEVICES)


@pytest.fixture
def runner(app: FastAPI) -> Runner:
    return make_runner(app)


async def test_every_device_of_the_filter_gets_the_command_once(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    path = await begin(admin, filter={"q": "van 1"})
    before = (await admin.get(path)).json()
    await runner.round()
    await runner.round()
    after = (await admin.get(path)).json()
    sent = await requests_until(kafka_settings, database, lambda found: len(found) >= 4)
    await end(database, "acknowledged")
    await runner.round()
    finished = (await admin.get(path)).json()

    assert (before["state"], before["devices"], before["waiting"]) == ("running", 4, 4)
    assert (after["waiting"], after["commands"]) == (0, {"queued": 4})
    assert sorted(request.device_id for request in sent) == ["01", "10", "11", "12"]
    assert (finished["state"], finished["commands"]) == ("finished", {"acknowledged": 4})


async def test_a_group_is_those_who_are_in_it_when_it_begins(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection
) -> None:
    await database.execute("UPDATE fleet.devices SET group_name = 'north' WHERE device_id IN ('03', '05', '99')")
    path = await begin(admin, filter={"group": "north"})
    await database.execute("UPDATE fleet.devices SET group_name = 'north' WHERE device_id = '06'")
    await runner.round()

    assert await states(admin, path) == {"03": "queued", "05": "queued"}


async def test_no_more_are_open_than_may_be(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection
) -> None:
    path = await begin(admin, max_open=3)
    for _ in range(3):
        await runner.round()
    first = (await admin.get(path)).json()["commands"]
    await end(database, "acknowledged", 2)
    await runner.round()
    second = (await admin.get(path)).json()["commands"]

    assert (first, second) == ({"queued": 3}, {"queued": 3, "acknowledged": 2})


async def test_the_rate_is_kept(admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection) -> None:
    path = await begin(admin, per_minute=2)
    for _ in range(3):
        await runner.round()
    first = (await admin.get(path)).json()["commands"]
    await database.execute("UPDATE fleet.campaign_devices SET asked_at = asked_at - interval '61 seconds'")
    await runner.round()
    second = (await admin.get(path)).json()["commands"]

    assert (first["queued"], second["queued"]) == (1, 2)


async def test_outside_its_hours_nothing_is_sent_and_nothing_waits_beyond_them(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection
) -> None:
    now = datetime.now(UTC)
    since, until = (now + timedelta(hours=2)).time(), (now + timedelta(hours=3)).time()
    closed = await begin(admin, hours={"since": since.isoformat(), "until": until.isoformat()})
    await runner.round()
    assert (await admin.get(closed)).json()["commands"] == {}

    await begin(admin, hours={"since": (now - timedelta(hours=1)).time().isoformat(), "until": since.isoformat()})
    await runner.round()
    deadlines = {row["deadline_at"] for row in await database.fetch("SELECT deadline_at FROM fleet.commands")}
    assert deadlines == {now + timedelta(hours=2)}


async def test_too_many_failures_abort_it_and_take_back_what_waits(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    path = await begin(admin, max_open=6, min_ended=4, max_failed_share=0.5)
    await runner.round()
    await end(database, "acknowledged", 1)
    await end(database, "failed", 2)
    await runner.round()
    early = (await admin.get(path)).json()
    await end(database, "unknown", 1)
    await runner.round()
    await runner.round()
    aborted = (await admin.get(path)).json()
    sent = await requests_until(kafka_settings, database, lambda found: sum(r.action == "cancel" for r in found) >= 5)
    await runner.round()

    assert early["state"] == "running"
    assert (aborted["state"], aborted["waiting"]) == ("aborted", 3)
    assert aborted["reason"] == "75% of the commands that ended were not acknowledged"
    assert (await admin.get(path)).json() == aborted
    waiting = {row["command_id"] for row in await database.fetch("SELECT * FROM fleet.commands WHERE state = 'queued'")}
    assert {request.command_id for request in sent if request.action == "cancel"} == waiting


async def test_paused_it_sends_nothing_resumed_it_goes_on_cancelled_it_ends(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    path = await begin(admin, max_open=2)
    await admin.post(f"{path}/pause")
    await runner.round()
    paused = (await admin.get(path)).json()
    await admin.post(f"{path}/resume")
    await runner.round()
    resumed = (await admin.get(path)).json()
    cancelled = await admin.post(f"{path}/cancel")
    await runner.round()
    again = [await admin.post(f"{path}/{word}") for word in ("pause", "resume", "cancel")]
    sent = await requests_until(kafka_settings, database, lambda found: sum(r.action == "cancel" for r in found) >= 2)

    assert (paused["state"], paused["commands"]) == ("paused", {})
    assert (resumed["state"], resumed["commands"]) == ("running", {"queued": 2})
    assert cancelled.json()["state"] == "cancelled"
    assert [(answer.status_code, answer.json()["code"]) for answer in again] == [(409, "campaign_state")] * 3
    assert [r.action for r in sent].count("submit") == 2


async def test_several_runners_and_one_that_dies_after_sending_send_nobody_twice(
    app: FastAPI,
    admin: httpx.AsyncClient,
    database: asyncpg.Connection,
    kafka_settings: KafkaSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = await begin(admin)
    dying = make_runner(app)

    async def publish_and_die(requests: Any) -> None:
        await Runner._publish(dying, requests)
        if requests:
            raise ApiError(503, "killed", "The broker has them, and nobody will ever know.")

    monkeypatch.setattr(dying, "_publish", publish_and_die)
    await dying.round()
    assert await database.fetchval("SELECT count(*) FROM fleet.campaign_devices WHERE state = 'sending'") == 12
    await asyncio.gather(*(make_runner(app).round() for _ in range(4)))
    sent = await requests_until(kafka_settings, database, lambda found: len(found) >= 24)

    assert len({request.command_id for request in sent}) == 12
    assert set((await states(admin, path)).values()) == {"queued"}
    by_id: dict[str, set[bytes]] = {}
    for request in sent:
        by_id.setdefault(request.command_id, set()).add(repr(request).encode())
    assert all(len(seen) == 1 for seen in by_id.values()), "a repeated request is the same to the last detail"


async def test_a_device_whose_interlock_refuses_is_left_out_with_its_reason(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection, drives: "Drives"
) -> None:
    await drives(80.0, device_id="01")
    await database.execute(
        'INSERT INTO fleet.latest_positions SELECT (jsonb_populate_record(p, \'{"device_id": "02", "speed_kmh": 3}\')).*'
        " FROM fleet.latest_positions p"
    )
    path = await begin(admin, command=CUT, filter=None, device_ids=["01", "02", "03"], per_minute=60)
    await runner.round()
    items = (await admin.get(f"{path}/devices")).json()["items"]
    view = (await admin.get(path)).json()

    assert [item["state"] for item in items] == ["refused", "queued", "refused"]
    assert [(item["reason"] or "").split(":")[0] for item in items] == ["interlock_speed", "", "interlock_no_fix"]
    assert (view["refused"], view["commands"]) == (2, {"queued": 1})


async def test_actuating_campaigns_share_one_hard_limit(
    admin: httpx.AsyncClient, runner: Runner, database: asyncpg.Connection
) -> None:
    restart: dict[str, Any] = {"command": {"type": "restart"}, "per_minute": 60}
    first, second = await begin(admin, **restart), await begin(admin, **restart)

    async def asked() -> list[int]:
        return [sum((await admin.get(path)).json()["commands"].values()) for path in (first, second)]

    async def fifty_seconds_pass() -> None:
        await database.execute("UPDATE fleet.campaign_devices SET asked_at = asked_at - interval '50 s'")

    await database.execute(
        'INSERT INTO fleet.campaigns SELECT (jsonb_populate_record(c, \'{"campaign_id": "ended", "is_settled": true}\')).*'
        " FROM fleet.campaigns c LIMIT 1"
    )
    await database.execute(
        "INSERT INTO fleet.campaign_devices (campaign_id, device_id, state, asked_at)"
        " SELECT 'ended', n::text, 'sent', now() FROM generate_series(1, 39) n"
    )
    await runner.round()
    begun = await asked()
    await fifty_seconds_pass()
    await runner.round()
    full = await asked()
    await fifty_seconds_pass()
    await runner.round()

    assert begun == [10, 10]
    assert sum(full) == 21
    assert await asked() == [12, 12]
