"""Kafka away for a minute: the listener's memory, when it stops taking trackers, and when all is as before."""

import asyncio
import operator
import time

import psutil
from tests.gateway import eventually
from tests.load.bench import Bench, bench, figure

from vt600_simulator.fleet import Fleet, FleetSettings

AWAY_S = 60.0
TRACKERS = 500
_PATIENCE_S = 120.0


def run() -> None:
    with bench() as servers:
        servers.gateway.start()
        asyncio.run(_outage(servers))


async def _outage(servers: Bench) -> None:
    gateway, kafka = servers.gateway, servers.kafka
    fleet = Fleet(
        FleetSettings(
            port=gateway.listener_port,
            count=TRACKERS,
            interval_s=0.1,
            dialect="ascii",
            confirmed_share=1.0,
            settle_s=60,
        )
    )
    stop = asyncio.Event()
    driving = asyncio.create_task(fleet.run(stop))
    await eventually(lambda: asyncio.sleep(0, fleet.links), TRACKERS, timeout_s=_PATIENCE_S)
    await eventually(lambda: _confirmed(fleet), lambda count: count > 10 * TRACKERS, timeout_s=_PATIENCE_S)
    process = psutil.Process(gateway.listener.pid)
    before = process.memory_info().rss
    kafka.kill()
    began = time.monotonic()
    await eventually(lambda: asyncio.to_thread(gateway.listener.is_ready), operator.not_)
    unready_after = time.monotonic() - began
    confirmed, closed = await _confirmed(fleet), fleet.reconnects
    largest = before
    while time.monotonic() < began + AWAY_S:
        largest = max(largest, process.memory_info().rss)
        await asyncio.sleep(0.2)
    confirmed, closed = await _confirmed(fleet) - confirmed, fleet.reconnects - closed
    await asyncio.to_thread(kafka.start)
    back = time.monotonic()
    await eventually(lambda: asyncio.sleep(0, fleet.links), TRACKERS, timeout_s=_PATIENCE_S)
    recovered_after = time.monotonic() - back
    stop.set()
    await driving
    left = sum(len(tracker.memory) for tracker in fleet.trackers)
    figure(f"Kafka away {AWAY_S:g} s, {TRACKERS} trackers: not ready after", f"{unready_after:.1f} s")
    figure("listener resident before / largest", f"{before / 2**20:.1f} / {largest / 2**20:.1f} MiB", "bounded")
    figure("confirmed while not ready", f"{confirmed}", "0")
    figure("links closed or refused meanwhile", f"{closed:,}", f"≥ {TRACKERS}")
    figure("all trackers are back, after Kafka is", f"{recovered_after:.1f} s")
    figure("reports that were never confirmed in the end", f"{left}", "0")


async def _confirmed(fleet: Fleet) -> int:
    return sum(record.confirmed for tracker in fleet.trackers for record in tracker.records)
