"""A network that forgets a path after a minute, trackers that report every five: the share of commands that arrive."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import httpx
from tests.chaos.ends import arrivals
from tests.chaos.orders import content_of_order
from tests.gateway import Gateway, eventually
from tests.load.bench import bench, figure

from vt600_simulator.behaviour import Behaviour
from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.tracker import Tracker

FACTOR = 10
NAT_S, REPORTS_S, DEADLINE_S = 60, 300, 900
_TCP_PATH_S, _UDP_PATH_S = 50, 20  # what the listener trusts, a little under what the network allows
_REPLY_S, _BACK_OFF_S = 30, 5  # the commander's defaults
_TRACKERS, _ROUNDS = 125, 4
_LINES, _PAUSE_S = 8, 0.5  # requests at once
_WAITING = ("queued", "dispatched", "written")


@dataclass(frozen=True, slots=True)
class Asked:
    """One command, to be looked for in what its tracker received."""

    tracker: Tracker
    command_id: str
    command_class: str
    content: str | None


def run() -> None:
    print(
        f"  all times {FACTOR}× shorter: path forgotten after {NAT_S} s, a report every {REPORTS_S} s, deadline {DEADLINE_S} s"
    )
    for open_window in (True, False):
        settings = {
            "COMMANDER_OPEN_WINDOW": str(open_window).lower(),
            "COMMANDER_REPLY_TIMEOUT_S": str(_REPLY_S / FACTOR),
            "COMMANDER_BACK_OFF_S": str(_BACK_OFF_S / FACTOR),
            "LISTENER_TCP_PATH_S": str(_TCP_PATH_S / FACTOR),
            "LISTENER_UDP_PATH_S": str(_UDP_PATH_S / FACTOR),
        }
        with bench(settings) as servers:
            servers.gateway.start()
            asyncio.run(_deliver(servers.gateway, open_window=open_window))


async def _deliver(gateway: Gateway, *, open_window: bool) -> None:
    fleets = [Fleet(_fleet(gateway.listener_port, transport)) for transport in ("tcp", "udp")]
    trackers = [tracker for fleet in fleets for tracker in fleet.trackers]
    stop = asyncio.Event()
    async with asyncio.TaskGroup() as tasks, gateway.client() as client:
        for fleet in fleets:
            tasks.create_task(fleet.run(stop))
        await eventually(lambda: _known(client), lambda count: count == len(trackers), timeout_s=120)
        asked: list[Asked] = []
        for number in range(_ROUNDS):
            asked += await _ask_all(client, trackers, number)
        states = {each.command_id: await _final(client, each.command_id) for each in asked}
        stop.set()
    received = {(arrival.device_id, arrival.content) for arrival in arrivals(trackers)}
    for transport in ("tcp", "udp"):
        for command_class in ("actuating", "setting"):
            chosen = [
                each for each in asked if each.tracker.transport == transport and each.command_class == command_class
            ]
            arrived = sum((each.tracker.device_id, each.content) in received for each in chosen)
            said = ", ".join(f"{n} {state}" for state, n in Counter(states[e.command_id] for e in chosen).most_common())
            name = f"{transport.upper()}, {command_class}, open window {'on' if open_window else 'off'}: arrived"
            share = f"{arrived} of {len(chosen)}, {arrived / len(chosen):.2%}"
            figure(name, share, f"{'≥ 99.9 %  ' if open_window else ''}({said})")


def _fleet(port: int, transport: Literal["tcp", "udp"]) -> FleetSettings:
    return FleetSettings(
        port=port,
        count=_TRACKERS,
        first_number=1 if transport == "tcp" else 1 + _TRACKERS,
        transport=transport,
        interval_s=REPORTS_S / FACTOR,
        settle_s=1.0,
        behaviours=(Behaviour(nat_s=NAT_S / FACTOR),),
    )


async def _known(client: httpx.AsyncClient) -> int:
    return len((await client.get("/v1/positions/latest", params={"limit": 1000})).json()["items"])


async def _ask_all(client: httpx.AsyncClient, trackers: Sequence[Tracker], number: int) -> list[Asked]:
    """Each tracker one command of either class, at moments that have nothing to do with its reports."""
    chance, span_s = random.Random(number), 2 * REPORTS_S / FACTOR  # noqa: S311 - a simulation
    lines = asyncio.Semaphore(_LINES)

    async def ask(tracker: Tracker, name: str, args: dict[str, Any], command_class: str) -> Asked:
        await asyncio.sleep(chance.uniform(0, span_s))
        body = {"type": name, "args": args, "deadline_s": DEADLINE_S / FACTOR}
        headers = {"Idempotency-Key": f"{tracker.device_id}-{name}-{number}"}
        async with lines:
            while not (
                answer := await client.post(f"/v1/devices/{tracker.device_id}/commands", json=body, headers=headers)
            ).is_success:
                await asyncio.sleep(_PAUSE_S)  # busy
        content = content_of_order(name, args, tracker.device_id)
        return Asked(tracker, answer.json()["command_id"], command_class, content)

    return await asyncio.gather(
        *(ask(each, "set_output", {"output": 2 + number % 4, "on": number < 4}, "actuating") for each in trackers),
        *(ask(each, "set_heading_report", {"angle_deg": 10 + number}, "setting") for each in trackers),
    )


async def _final(client: httpx.AsyncClient, command_id: str) -> str:
    async def state() -> str:
        return str((await client.get(f"/v1/commands/{command_id}")).json()["state"])

    return await eventually(state, lambda found: found not in _WAITING, timeout_s=2 * DEADLINE_S / FACTOR + 60)
