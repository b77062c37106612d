"""A simulated fleet, seen through REST, WebSocket and Kafka, and commanded."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import httpx
import pytest
import websockets
from tests.gateway import Gateway, eventually

from vt600_bus import Follower, KafkaSettings, decode
from vt600_bus.topics import COMMAND_STATUSES, REPORTS, TOPICS, UPLINKS
from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.tracker import Tracker

pytestmark = pytest.mark.servers


@asynccontextmanager
async def driving(gateway: Gateway, **settings: Any) -> AsyncIterator[Fleet]:
    """A fleet that drives while the block runs."""
    fleet = Fleet(FleetSettings(port=gateway.listener_port, interval_s=0.5, settle_s=20, **settings))
    stop = asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet
    finally:
        stop.set()
        await running


async def get(client: httpx.AsyncClient, path: str, **query: Any) -> Any:
    answer = await client.get(path, params=query)
    assert answer.status_code == httpx.codes.OK, answer.text
    return answer.json()


async def submit(client: httpx.AsyncClient, device_id: str, name: str, **args: Any) -> str:
    body = {"type": name, "args": args, "override_reason": "the simulated vehicle drives"}
    answer = await client.post(f"/v1/devices/{device_id}/commands", json=body)
    assert answer.status_code == httpx.codes.ACCEPTED, answer.text
    return str(answer.json()["command_id"])


async def final(client: httpx.AsyncClient, command_id: str) -> Any:
    waiting = ("queued", "dispatched", "written")
    return await eventually(
        lambda: get(client, f"/v1/commands/{command_id}"), lambda command: command["state"] not in waiting
    )


async def all_linked(client: httpx.AsyncClient, fleet: Fleet) -> None:
    """Wait until every tracker's first position can be read."""

    async def known() -> int:
        found = await get(client, "/v1/positions/latest")
        return len({item["device_id"] for item in found["items"]} & {tracker.device_id for tracker in fleet.trackers})

    await eventually(known, len(fleet.trackers))


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_every_command_is_acknowledged_with_the_reply_s_bytes(
    gateway: Gateway, dialect: Any, transport: Any
) -> None:
    first = {"binary": 1000, "ascii": 2000}[dialect] + {"tcp": 0, "udp": 500}[transport]
    async with (
        gateway.client() as client,
        driving(gateway, count=1, dialect=dialect, transport=transport, first_number=first) as fleet,
    ):
        tracker: Tracker = fleet.trackers[0]
        await all_linked(client, fleet)
        for name, args in (
            ("set_output", {"output": 2, "on": True}),
            ("set_immobiliser", {"engaged": True}),
            ("identify", {}),
            ("restart", {"part": "gps"}),
            ("request_position", {}),
            ("set_interval", {"interval_s": 10}),  # the last: commands to a datagram device wait for its reports
        ):
            command = await final(client, await submit(client, tracker.device_id, name, **args))
            obeyed = tracker.commands[-1]

            assert command["state"] == "acknowledged", command
            assert command["written_hex"] == obeyed.received.hex()
            if not (name == "request_position" and dialect == "binary"):  # any position may answer it
                assert command["reply_hex"] == obeyed.answers[-1].data.hex()
            assert [change["state"] for change in command["transitions"]][-3:] == [
                "dispatched",
                "written",
                "acknowledged",
            ]
        assert tracker.outputs == 0b11


async def test_history_pages_hold_every_report_once_in_order(gateway: Gateway) -> None:
    async with gateway.client() as client:
        async with driving(gateway, count=2, first_number=3000) as fleet:
            await eventually(lambda: count_of(client, fleet.trackers[0]), lambda count: count >= 10)
        for tracker in fleet.trackers:
            sent = [record.odometer_m for record in tracker.records if record.writes]
            await eventually(partial(count_of, client, tracker), len(sent))
            found, cursor = [], None
            while True:
                query = {"limit": 3, "order": "asc"} | ({"cursor": cursor} if cursor else {})
                page = await get(client, f"/v1/devices/{tracker.device_id}/positions", **query)
                found += page["items"]
                cursor = page["next_cursor"]
                if cursor is None:
                    break

            assert sorted(item["odometer_m"] for item in found) == sent
            assert [item["device_time"] for item in found] == sorted(item["device_time"] for item in found)


async def count_of(client: httpx.AsyncClient, tracker: Tracker) -> int:
    answer = await client.get(f"/v1/devices/{tracker.device_id}/positions", params={"limit": 1000})
    return len(answer.json()["items"]) if answer.status_code == httpx.codes.OK else 0


async def test_the_stream_shows_what_was_asked_for(gateway: Gateway) -> None:
    async with gateway.client() as client, driving(gateway, count=4, first_number=4000) as fleet:
        await all_linked(client, fleet)
        wanted = fleet.trackers[0].device_id
        async with websockets.connect(gateway.stream_url(f"devices={wanted}")) as stream:
            assert json.loads(await stream.recv())["type"] == "hello"
            command_id = await submit(client, wanted, "identify")
            states, positions = [], 0
            async with asyncio.timeout(20):
                while "acknowledged" not in states or not positions:
                    message = json.loads(await stream.recv())
                    assert message["data"]["device_id"] == wanted
                    if message["type"] == "command_status":
                        assert message["data"]["command_id"] == command_id
                        states.append(message["data"]["state"])
                    else:
                        positions += 1

        assert states == ["queued", "dispatched", "written", "acknowledged"]


async def test_a_command_for_a_device_without_a_link_expires_and_nothing_is_written(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.post("/v1/devices", json={"device_id": "99999999"})
        never = await client.post("/v1/devices/99999999/commands", json={"type": "restart", "queue": "never"})
        short = await client.post("/v1/devices/99999999/commands", json={"type": "restart", "deadline_s": 0.5})
        commands = [await final(client, answer.json()["command_id"]) for answer in (never, short)]

    assert [(command["state"], command["written_hex"]) for command in commands] == [("expired", None)] * 2


async def test_a_queued_command_can_be_taken_back(gateway: Gateway) -> None:
    async with gateway.client() as client:
        await client.post("/v1/devices", json={"device_id": "99999998"})
        command_id = await submit(client, "99999998", "restart")
        await client.post(f"/v1/commands/{command_id}/cancel")

        assert (await final(client, command_id))["state"] == "cancelled"


async def test_a_pending_device_is_adopted_with_its_track(gateway: Gateway) -> None:
    async with gateway.client() as client, driving(gateway, count=1, first_number=5000) as fleet:
        await all_linked(client, fleet)
        device_id = fleet.trackers[0].device_id
        pending = await get(client, "/v1/devices", state="pending", q=device_id)
        await client.post(f"/v1/devices/{device_id}/adopt", json={"name": "van 7"})
        device = await get(client, f"/v1/devices/{device_id}")

        assert [item["device_id"] for item in pending["items"]] == [device_id]
        assert (device["state"], device["name"]) == ("active", "van 7")
        assert (await get(client, f"/v1/devices/{device_id}/positions"))["items"]


async def test_the_topics_can_be_read_by_any_client(gateway: Gateway) -> None:
    settings = KafkaSettings(bootstrap_servers=gateway.kafka_servers)
    async with gateway.client() as client, driving(gateway, count=1, first_number=6000) as fleet:
        await all_linked(client, fleet)
        await final(client, await submit(client, fleet.trackers[0].device_id, "identify"))
    seen: set[str] = set()
    async with Follower(settings, TOPICS, client_id="e2e", start="beginning") as follower, asyncio.timeout(20):
        while not {UPLINKS.name, REPORTS.name, COMMAND_STATUSES.name} <= seen:
            for delivery in await follower.next_batch():
                decode(delivery.topic.record, delivery.value)
                seen.add(delivery.topic.name)

    assert seen <= {topic.name for topic in TOPICS}
