"""Desired settings carried out by a runner on a real store and a real bus: what the end of a command means."""

import asyncpg
import httpx
import pytest
from fastapi import FastAPI

from rest.desired import (
    add_device,
    commands,
    end,
    is_linked,
    make_runner,
    put,
    read_back,
    settings,
    states,
    time_passes,
)
from vt600_api.desired.runner import SettingsRunner

pytestmark = pytest.mark.servers


@pytest.fixture(autouse=True)
async def device(database: asyncpg.Connection) -> None:
    await add_device(database)


@pytest.fixture
def runner(app: FastAPI) -> SettingsRunner:
    return make_runner(app)


async def test_an_answer_confirms_and_a_read_back_confirms_more(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await put(admin, report_interval_s=60, speed_limit_kmh=120)
    await runner.round()
    await runner.round()
    asked = await commands(database)
    await end(database, "acknowledged")
    await runner.round()
    answered = await settings(admin)
    await end(database, "acknowledged", reply=read_back(102, "60", "300"))
    await runner.round()
    await runner.round()
    confirmed = await settings(admin)

    assert asked == [("set_interval", {"interval_s": 60}), ("set_speed_limit", {"speed_kmh": 120})]
    assert {item["state"] for item in answered.values()} == {"in_sync"}
    assert {item["confirmed_by"] for item in answered.values()} == {"answer"}
    assert (confirmed["report_interval_s"]["confirmed_by"], confirmed["report_interval_s"]["reported"]) == (
        "read_back",
        60,
    )
    assert confirmed["speed_limit_kmh"] == answered["speed_limit_kmh"]
    assert (await commands(database))[-1] == ("read_parameters", {"code": 102})
    assert await database.fetchval("SELECT count(*) FROM fleet.desired_settings WHERE work IS NOT NULL") == 0


@pytest.mark.parametrize("state", ["failed", "unknown"])
async def test_a_device_that_does_not_tell_is_in_sync_by_its_answer(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection, state: str
) -> None:
    await put(admin, report_interval_s=60)
    await runner.round()
    await end(database, "acknowledged")
    await runner.round()
    await end(database, state, reason="Unsupport")
    await runner.round()
    await time_passes(database)
    await runner.round()
    found = (await settings(admin))["report_interval_s"]

    assert (found["state"], found["confirmed_by"], found["reason"]) == ("in_sync", "answer", None)
    assert len(await commands(database)) == 2


async def test_a_read_back_that_differs_is_told_again_after_a_pause(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await put(admin, report_interval_s=60)
    await runner.round()
    await end(database, "acknowledged")
    await runner.round()
    await end(database, "acknowledged", reply=read_back(102, "30"))
    await runner.round()
    differs = (await settings(admin))["report_interval_s"]
    await runner.round()
    at_once = len(await commands(database))
    await time_passes(database)
    await runner.round()

    assert (differs["state"], differs["reason"], differs["reported"]) == ("pending", "read_back_differs", 30)
    assert (differs["confirmed_by"], differs["confirmed_at"]) == (None, None)
    assert at_once == 2
    assert await commands(database, "queued") == [("set_interval", {"interval_s": 60})]


async def test_a_refusal_is_not_repeated_until_it_is_asked_for_again(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await put(admin, speed_limit_kmh=120, low_speed_kmh=9)
    await runner.round()
    await database.execute(
        "UPDATE fleet.commands SET state = 'failed', reason = 'Unsupport' WHERE type = 'set_low_speed'"
    )
    await end(database, "failed", reason="Failed")
    await runner.round()
    await time_passes(database)
    await runner.round()
    refused, asked = await states(admin), len(await commands(database))
    await put(admin, speed_limit_kmh=120)
    await runner.round()
    await end(database, "acknowledged")
    await runner.round()

    assert refused == {"speed_limit_kmh": ("refused", "Failed"), "low_speed_kmh": ("not_supported", "Unsupport")}
    assert asked == 2
    assert await states(admin) == {"speed_limit_kmh": ("in_sync", None)}


@pytest.mark.parametrize(
    ("state", "reason"), [("unknown", "no_answer"), ("expired", "no_link_in_time"), ("cancelled", None)]
)
async def test_what_got_no_answer_is_tried_again_after_a_pause(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection, state: str, reason: str | None
) -> None:
    await put(admin, speed_limit_kmh=120)
    await runner.round()
    await end(database, state, reason=reason)
    await runner.round()
    waiting, at_once = await states(admin), len(await commands(database))
    await time_passes(database)
    await runner.round()
    again = (await settings(admin))["speed_limit_kmh"]

    assert (waiting, at_once) == ({"speed_limit_kmh": ("pending", reason or state)}, 1)
    assert (again["state"], again["attempts"]) == ("pending", 2)
    assert len(await commands(database)) == 2


async def test_nothing_is_asked_for_before_the_device_is_there(
    admin: httpx.AsyncClient, runner: SettingsRunner, database: asyncpg.Connection
) -> None:
    await is_linked(database, "offline")
    await database.execute("UPDATE fleet.devices SET dialect = NULL")
    await put(admin, speed_limit_kmh=120, power_down_min=5)
    await runner.round()
    unknown = await states(admin)
    await database.execute("UPDATE fleet.devices SET dialect = 'ascii'")
    await runner.round()
    offline = await states(admin)
    assert await commands(database) == []
    await is_linked(database, "online")
    await runner.round()

    assert set(unknown.values()) == {("pending", "dialect_unknown")}
    assert set(offline.values()) == {("pending", "offline")}
    assert await commands(database) == [("set_speed_limit", {"speed_kmh": 120})]
    assert (await states(admin))["power_down_min"] == ("not_supported", "the ascii dialect has no command for it")
