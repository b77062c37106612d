"""Desired settings that change, share a command or find no room, and runners that die."""

import asyncio
from typing import Any

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from rest.campaigns import requests_until
from rest.desired import (
    DEVICE,
    PATH,
    add_device,
    commands,
    end,
    make_runner,
    put,
    read_back,
    settings,
    states,
    time_passes,
)
from vt600_api.desired.runner import SettingsRunner
from vt600_api.errors import ApiError
from vt600_bus import KafkaSettings

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
async def device(database: asyncpg.Connection) -> None:
    await add_device(database)


@pytest.fixture
def runner(app: FastAPI) -> SettingsRunner:
    return make_runner(app)


async def test_a_value_that_changes_under_way_takes_the_older_one_back_and_waits_for_its_end(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    await put(admin, speed_limit_kmh=120)
    await runner.round()
    await put(admin, speed_limit_kmh=90)
    await put(admin, speed_limit_kmh=80)
    await runner.round()
    waiting = await commands(database)
    await end(database, "acknowledged")
    await runner.round()
    second, after = await commands(database), await states(admin)
    await end(database, "acknowledged")
    await runner.round()
    sent = await requests_until(kafka_settings, database, lambda found: len(found) >= 3)

    assert waiting == [("set_speed_limit", {"speed_kmh": 120})]
    assert second[1:] == [("set_speed_limit", {"speed_kmh": 80})]
    assert after == {"speed_limit_kmh": ("pending", None)}, "an answer to the older value says nothing of the newer"
    assert await states(admin) == {"speed_limit_kmh": ("in_sync", None)}
    assert [request.action for request in sent] == ["submit", "cancel", "submit"]


async def test_what_is_taken_out_and_wanted_again_is_a_new_command(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await put(admin, speed_limit_kmh=120)
    await runner.round()
    await end(database, "acknowledged")
    await runner.round()
    await admin.delete(f"{PATH}/speed_limit_kmh")
    await put(admin, speed_limit_kmh=120)
    await runner.round()

    assert await states(admin) == {"speed_limit_kmh": ("pending", None)}
    assert len(await commands(database)) == 2


async def test_settings_of_one_command_share_it(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection, kafka_settings: KafkaSettings
) -> None:
    await put(admin, report_interval_s=60, ignition_off_interval_s=600, stopped_interval_s=900)
    await runner.round()
    await end(database, "acknowledged")
    await runner.round()
    await end(database, "acknowledged", reply=read_back(102, "60", "600", "30"))
    await runner.round()
    found = await settings(admin)
    await time_passes(database)
    await runner.round()
    sent = await requests_until(kafka_settings, database, lambda found: len({r.command_id for r in found}) >= 3)

    whole = {"interval_s": 60, "ignition_off_s": 600, "stopped_s": 900}
    assert await commands(database) == [
        ("set_interval", whole),
        ("read_parameters", {"code": 102}),
        ("set_interval", whole),
    ]
    assert {name: (item["state"], item["confirmed_by"]) for name, item in found.items()} == {
        "report_interval_s": ("in_sync", "read_back"),
        "ignition_off_interval_s": ("in_sync", "read_back"),
        "stopped_interval_s": ("pending", None),
    }
    assert len({request.command_id for request in sent}) == 3


async def test_a_value_that_changes_takes_the_shared_command_back_and_all_are_told_anew_at_once(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await put(admin, report_interval_s=60, ignition_off_interval_s=600)
    await runner.round()
    await put(admin, report_interval_s=60, ignition_off_interval_s=900)
    await end(database, "cancelled")
    await runner.round()
    asked = await commands(database, "queued")
    await end(database, "acknowledged")
    await runner.round()

    assert asked == [("set_interval", {"interval_s": 60, "ignition_off_s": 900})]
    assert set((await states(admin)).values()) == {("in_sync", None)}


async def test_a_full_queue_is_waited_for(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await database.execute(
        "INSERT INTO fleet.commands (command_id, revision, device_id, type, state, at, requested_at, requested_by, deadline_at)"
        " SELECT n::text, 0, $1, 'identify', 'written', now(), now(), 'me', now() FROM generate_series(1, 100) n",
        DEVICE,
    )
    await put(admin, speed_limit_kmh=120)
    await runner.round()
    full = await states(admin)
    await end(database, "acknowledged")
    await database.execute("UPDATE fleet.commands SET state = 'acknowledged'")
    await time_passes(database)
    await runner.round()

    assert full["speed_limit_kmh"][0] == "pending"
    assert full["speed_limit_kmh"][1].startswith("too_many_queued")
    assert await commands(database, "queued") == [("set_speed_limit", {"speed_kmh": 120})]


async def test_several_runners_and_one_that_dies_after_sending_ask_once(
    app: FastAPI,
    admin: httpx.AsyncClient,
    database: asyncpg.Connection,
    kafka_settings: KafkaSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await put(admin, speed_limit_kmh=120, low_speed_kmh=9)
    dying = make_runner(app)

    async def publish_and_die(request: Any) -> None:
        await SettingsRunner._publish(dying, request)
        raise ApiError(503, "killed", "The broker has it, and nobody will ever know.")

    monkeypatch.setattr(dying, "_publish", publish_and_die)
    await dying.round()
    await dying.round()
    await asyncio.gather(*(make_runner(app).round() for _ in range(4)))
    sent = await requests_until(kafka_settings, database, lambda found: len(found) >= 4)

    assert len(await commands(database)) == 2
    assert len({request.command_id for request in sent}) == 2
    assert len({repr(request) for request in sent}) == 2, "a repeated request is the same to the last detail"


async def test_what_may_not_be_on_the_bus_is_put_there_before_it_is_taken_out(
    app: FastAPI,
    admin: httpx.AsyncClient,
    database: asyncpg.Connection,
    kafka_settings: KafkaSettings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    await put(admin, speed_limit_kmh=120)
    dying = make_runner(app)

    async def die(request: Any) -> None:
        raise ApiError(503, "killed", "Before the broker had it.")

    monkeypatch.setattr(dying, "_publish", die)
    await dying.round()
    deleted = await admin.delete(f"{PATH}/speed_limit_kmh")
    sent = await requests_until(kafka_settings, database, lambda found: len(found) >= 2)

    assert deleted.status_code == 204
    assert [request.action for request in sent] == ["submit", "cancel"]
