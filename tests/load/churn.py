"""Links that come and go all the time: is presence right afterwards, for every device, and how soon? And what presence costs."""

import asyncio
import json
import subprocess
import sys
import time
from typing import Any

import httpx
import psutil
from tests.gateway import Gateway
from tests.load.bench import Flood, bench, figure
from tests.load.churner import identities

from vt600_local.home import CHECKOUT

RATE = 1000.0
SECONDS = 60.0
DEVICES = 3_000
PRESENT = 10_000
_PER_PROCESS = 5_000
_PATIENCE_S = 120.0
_AT_ONCE = 20
_PROBE_S = 20.0


def run(rate: float = RATE) -> None:
    with bench() as servers:
        gateway = servers.gateway
        gateway.listener_settings = {
            "LISTENER_MAX_LINKS_PER_ADDRESS": "0",
            "LISTENER_ACCEPT_RATE_PER_S": "100000",
            "LISTENER_ACCEPT_BURST": "100000",
        }
        gateway.start(listeners=2)
        registered = ", ".join(f"('{device_id}', 'active')" for device_id in identities(DEVICES))
        servers.query(f"INSERT INTO fleet.devices (device_id, state) VALUES {registered}")  # noqa: S608
        _churn(gateway, rate)
        _present(gateway)


def _churn(gateway: Gateway, rate: float) -> None:
    arguments = {"port": gateway.listener_port, "devices": DEVICES, "rate": rate, "seconds": SECONDS}
    words = [word for name, value in arguments.items() for word in (f"--{name}", str(value))]
    churner = subprocess.Popen(
        [sys.executable, "-m", "tests.load.churner", *words],
        cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert churner.stdin is not None
    assert churner.stdout is not None
    assert churner.stdout.readline().strip() == "ready"
    before = _resident(gateway)
    churner.stdin.write("\n")
    churner.stdin.flush()
    found = json.loads(churner.stdout.readline())
    figure(
        f"restarts of links of {DEVICES:,} devices",
        f"{found['restarts'] / found['seconds']:,.0f}/s for {found['seconds']:.0f} s, {found['failures']} failed",
        f"{rate:,.0f}/s",
    )
    figure(
        "last restart → commander knows as many links as are open",
        _until_known(gateway, len(found["open"]), found["ended"]),
    )
    figure("last restart → REST right for every device", asyncio.run(_rest_is_right(gateway, found)))
    figure("then commands over the right link, or refused as offline", asyncio.run(_probed(gateway, found)))
    figure("commander resident before → after", f"{before:.1f} → {_resident(gateway):.1f} MiB")
    churner.stdin.close()
    churner.wait(60)


def _present(gateway: Gateway) -> None:
    """Devices that are there, and a commander that starts."""
    floods = [
        Flood(gateway.listener_port, links=_PER_PROCESS, first_number=100_000 + at)
        for at in range(0, PRESENT, _PER_PROCESS)
    ]
    gateway.commander.kill()
    began = time.time()
    gateway.commander.launch()
    while not _known(gateway):
        time.sleep(0.02)
    first = time.time()
    took = _until_known(gateway, PRESENT, first)
    figure(
        f"commander started → it knows its first, and from then all of {PRESENT:,}", f"{first - began:.1f} s, {took}"
    )
    figure("commander resident then", f"{_resident(gateway):.1f} MiB")
    for flood in floods:
        flood.begin()
        flood.close()


def _known(gateway: Gateway) -> int:
    """Devices of which the commander knows a link; 0 while it does not answer."""
    try:
        text = httpx.get(f"http://127.0.0.1:{gateway.commander.probes_port}/metrics").text
    except httpx.HTTPError:
        return 0
    values = (line.split()[1] for line in text.splitlines() if line.startswith("vt600_commander_devices "))
    return int(float(next(values, 0)))


def _until_known(gateway: Gateway, devices: int, began: float) -> str:
    """How long it takes the commander, from `began` on, to know of so many devices."""
    while time.time() - began < _PATIENCE_S:
        if _known(gateway) == devices:
            return f"{time.time() - began:.1f} s"
        time.sleep(0.05)
    return f"NOT in {_PATIENCE_S:.0f} s: {_known(gateway):,} instead of {devices:,}"


def _resident(gateway: Gateway) -> float:
    return float(psutil.Process(gateway.commander.pid).memory_info().rss) / 2**20


async def _rest_is_right(gateway: Gateway, found: dict[str, Any]) -> str:
    """How long after the last restart every device is as it should be: online by its newest link, or offline."""
    ids, expected, ended = found["ids"], found["open"], found["ended"]
    wrong: list[str] = []
    async with gateway.client() as client:
        while time.time() - ended < _PATIENCE_S:
            links = await _links(client)
            wrong = [device for device in ids if links.get(device) != expected.get(device)]
            if not wrong:
                return f"{time.time() - ended:.1f} s"
            await asyncio.sleep(0.2)
    return f"NOT RIGHT for {len(wrong)} after {_PATIENCE_S:.0f} s, as {wrong[:3]}"


async def _links(client: httpx.AsyncClient) -> dict[str, str]:
    """The peers of all devices that can be reached."""
    found: dict[str, str] = {}
    query: dict[str, Any] = {"limit": 1000}
    while True:
        page = (await client.get("/v1/devices", params=query)).json()
        found |= {
            item["device_id"]: item["link"]["peer"] for item in page["items"] if item["link"]["state"] != "offline"
        }
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def _probed(gateway: Gateway, found: dict[str, Any]) -> str:
    """What the commander that lived through it does with a command for now or not at all, for every device."""
    at_once = asyncio.Semaphore(_AT_ONCE)
    async with gateway.client() as client:

        async def is_right(device_id: str) -> bool:
            async with at_once:
                body = {"type": "identify", "queue": "never"}
                answer = await client.post(f"/v1/devices/{device_id}/commands", json=body)
                link = (await client.get(f"/v1/devices/{device_id}")).json()["link"]
                command = await _moved(client, answer.json()["command_id"])
            if device_id in found["open"]:
                return bool(command["session_id"] == link["session_id"])
            return (command["state"], command["reason"]) == ("expired", "offline")

        right = await asyncio.gather(*map(is_right, found["ids"]))
    return f"{sum(right):,} of {len(right):,}"


async def _moved(client: httpx.AsyncClient, command_id: str) -> dict[str, Any]:
    """The command once it is queued no more, or as it is when that takes too long."""
    until = time.monotonic() + _PROBE_S
    while True:
        command: dict[str, Any] = (await client.get(f"/v1/commands/{command_id}")).json()
        if command["state"] != "queued" or time.monotonic() > until:
            return command
        await asyncio.sleep(0.1)
