"""Desired settings, from REST to simulated devices and back."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Literal

import httpx
import pytest
from tests.gateway import Gateway, eventually

from vt600_simulator.behaviour import Behaviour
from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.identity import imei, serial_number

pytestmark = pytest.mark.servers


@asynccontextmanager
async def driving(gateway: Gateway, **settings: Any) -> AsyncIterator[Fleet]:
    """A device that drives while the block runs."""
    fleet = Fleet(FleetSettings(port=gateway.listener_port, interval_s=0.5, settle_s=1, count=1, **settings))
    stop = asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet
    finally:
        stop.set()
        await running


async def states(client: httpx.AsyncClient, path: str) -> dict[str, tuple[str, str | None]]:
    answer = await client.get(path)
    assert answer.status_code == httpx.codes.OK, answer.text
    return {item["setting"]: (item["state"], item["confirmed_by"]) for item in answer.json()["items"]}


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_device_gets_its_settings_once_it_is_there_and_again_when_they_change(
    gateway: Gateway, dialect: Literal["binary", "ascii"]
) -> None:
    number = {"binary": 8000, "ascii": 8001}[dialect]
    device_id = (serial_number if dialect == "binary" else imei)(number)
    path = f"/v1/devices/{device_id}/desired-settings"
    wanted = {"report_interval_s": 10, "ignition_off_interval_s": 600, "speed_limit_kmh": 120}
    in_sync = {
        "report_interval_s": ("in_sync", "read_back"),
        "ignition_off_interval_s": ("in_sync", "read_back") if dialect == "ascii" else ("not_supported", None),
        "speed_limit_kmh": ("in_sync", "answer"),
    }
    async with gateway.client() as client:
        await client.post("/v1/devices", json={"device_id": device_id})
        before = await client.put(path, json=wanted)
        assert {item["reason"] for item in before.json()["items"]} == {"dialect_unknown"}
        async with driving(gateway, dialect=dialect, first_number=number) as fleet:
            await eventually(lambda: states(client, path), in_sync)
            gateway.campaigns.stop()
            await client.put(path, json=wanted | {"speed_limit_kmh": 90})
            gateway.campaigns.start()
            await eventually(lambda: states(client, path), in_sync)
            told = [command.code for command in fleet.trackers[0].commands]

            assert fleet.trackers[0].interval_s == 10
            assert sorted(told) == sorted(
                {"binary": ["4102", "4105", "9002", "4105"], "ascii": ["102", "123", "808", "123"]}[dialect]
            )


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_a_device_that_says_no_is_asked_once(gateway: Gateway, dialect: Literal["binary", "ascii"]) -> None:
    number = {"binary": 8010, "ascii": 8011}[dialect]
    device_id = (serial_number if dialect == "binary" else imei)(number)
    path = f"/v1/devices/{device_id}/desired-settings"
    refuses = (Behaviour(manners=("refuses",)),)
    async with gateway.client() as client:
        await client.post("/v1/devices", json={"device_id": device_id})
        await client.put(path, json={"speed_limit_kmh": 120})
        async with driving(gateway, dialect=dialect, first_number=number, behaviours=refuses) as fleet:
            await eventually(lambda: states(client, path), {"speed_limit_kmh": ("refused", None)})

            assert len(fleet.trackers[0].commands) == 1
