"""A fleet in front of the listener's Service, and the judgement of what became of its reports."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import groupby
from typing import Literal

import asyncpg
from tests.gateway import eventually
from tests.k8s import node
from tests.k8s.stage import Stage

from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.tracker import Record, Tracker

_IN_FLIGHT_S = 10.0  # a frame older than this had reached Kafka before its link was closed


@dataclass(slots=True)
class Load:
    """A running fleet and how often it came back in each second."""

    fleet: Fleet
    interval_s: float
    reconnects: list[int] = field(default_factory=list)

    async def all_linked(self, timeout_s: float = 180.0) -> float:
        """Seconds until every tracker has a link."""
        began = time.monotonic()
        count = len(self.fleet.trackers)
        await eventually(lambda: asyncio.sleep(0, self.fleet.links), lambda links: links >= count, timeout_s=timeout_s)
        return time.monotonic() - began

    async def watch(self) -> None:
        """Count for ever."""
        while True:
            before = self.fleet.reconnects
            await asyncio.sleep(1.0)
            self.reconnects.append(self.fleet.reconnects - before)


@asynccontextmanager
async def driving(
    *, count: int, interval_s: float, first_number: int, transport: Literal["mixed", "udp"] = "mixed"
) -> AsyncIterator[Load]:
    """Both dialects, TCP and UDP, two thirds in confirmed mode; at the end they finish what they hold."""
    settings = FleetSettings(
        host=node.LOAD_BALANCER, count=count, interval_s=interval_s, transport=transport, confirmed_share=0.67,
        first_number=first_number, settle_s=60,
    )  # fmt: skip
    load = Load(Fleet(settings), interval_s)
    stop = asyncio.Event()
    running = asyncio.create_task(load.fleet.run(stop))
    watching = asyncio.create_task(load.watch())
    try:
        await load.all_linked()
        yield load
    finally:
        watching.cancel()
        stop.set()
        await running


Rows = Counter[tuple[str, int]]


async def judge(scene: Stage, load: Load) -> Rows:
    """Prints what became of the reports; AssertionError when one was confirmed and lost, was doubled, or is unaccounted for."""
    gateway = scene.gateway()
    await eventually(gateway.uplinks_ingested, await gateway.uplinks_published(), timeout_s=180)
    rows = await _rows_of(scene.database_url)
    sent = [(tracker, record) for tracker in load.fleet.trackers for record in tracker.records if record.writes]
    missing = [(tracker, record) for tracker, record in sent if not rows[tracker.device_id, record.odometer_m]]
    confirmed = sum(record.confirmed for _, record in sent)
    lost = sum(record.confirmed for _, record in missing)
    doubled = sum(count > 1 for count in rows.values())
    unaccounted = sum(not _accounted_for(tracker, record) for tracker, record in missing)
    datagrams = sum(tracker.transport == "udp" for tracker, _ in missing)
    print(f"  reports written {len(sent):,}, confirmed {confirmed:,}; confirmed and lost {lost}, doubled {doubled}")
    print(
        f"  missing: {datagrams} datagrams, {len(missing) - datagrams} on links that ended, {unaccounted} unaccounted for"
    )
    print(f"  reconnects {load.fleet.reconnects:,}, most in a second {max(load.reconnects, default=0)}")
    print(f"  longest that a UDP tracker talked to nobody: {max(silences(load, rows), default=0):g} s")
    assert lost == doubled == unaccounted == 0
    assert confirmed
    return rows


def silences(load: Load, rows: Rows) -> list[float]:
    """The longest time in seconds for which each UDP tracker that is not confirmed talked to nobody. One that is says it all again."""
    trackers = [one for one in load.fleet.trackers if one.transport == "udp" and not one.confirmed_mode]
    return [load.interval_s * _longest_run(tracker, rows) for tracker in trackers]


async def _rows_of(database_url: str) -> Rows:
    connection = await asyncpg.connect(database_url)
    try:
        rows = await connection.fetch("SELECT device_id, odometer_m FROM fleet.reports")
    finally:
        await connection.close()
    return Counter((row["device_id"], row["odometer_m"]) for row in rows)


def _accounted_for(tracker: Tracker, record: Record) -> bool:
    in_flight = record.link_lost_at is not None and record.link_lost_at - record.written_at < _IN_FLIGHT_S
    return tracker.transport == "udp" or in_flight


def _longest_run(tracker: Tracker, rows: Rows) -> int:
    written = (record for record in tracker.records if record.writes)
    stored = (rows[tracker.device_id, record.odometer_m] > 0 for record in written)
    return max((len(list(run)) for there, run in groupby(stored) if not there), default=0)
