"""How long work waits when one of two ingest or commander processes ends, told to or killed, under a steady flow."""

import asyncio
import time
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import uvloop
from tests.load.bench import Bench, Flood, bench, figure, percentiles

from vt600_bus import Follower, Publisher, Topic, decode
from vt600_bus.records import CommandRequest, CommandStatus, Report
from vt600_bus.topics import COMMAND_REQUESTS, COMMAND_STATUSES, REPORTS
from vt600_local.service import Service

SECONDS = 18
_QUIET_S = 5.0
_RATE = 400
_COMMANDS_PER_S = 40


def run() -> None:
    with bench() as servers:
        gateway = servers.gateway
        gateway.start()
        for how, end in (("SIGTERM", Service.terminate), ("kill -9", Service.kill)):
            waits = uvloop.run(_ingest(servers, end, first_number=200_000 if end is Service.kill else 100_000))
            figure(f"ingest, one of two ends by {how}: frame → report", _shown(waits))
        for how, end in (("SIGTERM", Service.terminate), ("kill -9", Service.kill)):
            waits = uvloop.run(_commander(servers, end))
            figure(f"commander, one of two ends by {how}: request → status", _shown(waits))


async def _ingest(servers: Bench, end: Callable[[Service], None], *, first_number: int) -> list[float]:
    leaving = servers.gateway.add_ingest()
    await asyncio.to_thread(leaving.start)
    flood = Flood(
        servers.gateway.listener_port, links=40, frames=_RATE * SECONDS, rate=_RATE, first_number=first_number
    )

    def wait_of(value: bytes | None) -> float:
        return (datetime.now(UTC) - decode(Report, value).received_at).total_seconds()

    async def flow() -> None:
        flood.begin()
        await asyncio.to_thread(flood.result)

    waits = await _watch(servers, REPORTS, flow(), leaving, end, wait_of)
    await asyncio.to_thread(flood.close)
    return waits


async def _commander(servers: Bench, end: Callable[[Service], None]) -> list[float]:
    leaving = servers.gateway.add_commander()
    await asyncio.to_thread(leaving.start)

    def wait_of(value: bytes | None) -> float | None:
        status = decode(CommandStatus, value)
        return (datetime.now(UTC) - status.requested_at).total_seconds() if status.state == "queued" else None

    async def flow() -> None:
        async with Publisher(servers.kafka_settings, client_id="load") as publisher:
            for _ in range(_COMMANDS_PER_S * SECONDS):
                request = _request(datetime.now(UTC))
                await publisher.publish(COMMAND_REQUESTS, request.device_id, request)
                await asyncio.sleep(1 / _COMMANDS_PER_S)

    return await _watch(servers, COMMAND_STATUSES, flow(), leaving, end, wait_of)


def _request(now: datetime) -> CommandRequest:
    """A command for a device that has no link, so that it is queued and no more."""
    return CommandRequest(
        command_id=str(uuid.uuid4()),
        device_id=uuid.uuid4().hex[:12],
        action="submit",
        requested_at=now,
        requested_by="load",
        type="locate",
        deadline_at=now + timedelta(hours=1),
    )


async def _watch(
    servers: Bench,
    topic: Topic[Any],
    flow: Any,
    leaving: Service,
    end: Callable[[Service], None],
    wait_of: Callable[[bytes | None], float | None],
) -> list[float]:
    """The waits of all that comes out while the flow goes in and a process ends in its midst."""
    waits: list[float] = []

    async def follow(follower: Follower) -> None:
        while True:
            found = (wait_of(delivery.value) for delivery in await follower.next_batch())
            waits.extend(wait for wait in found if wait is not None)

    async with (
        Follower(servers.kafka_settings, [topic], client_id="load", start="end") as follower,
        asyncio.TaskGroup() as tasks,
    ):
        following = tasks.create_task(follow(follower))
        await follower.caught_up.wait()
        flowing = tasks.create_task(flow)
        await asyncio.sleep(SECONDS / 3)
        await asyncio.to_thread(end, leaving)
        await flowing
        seen, quiet_since = len(waits), time.monotonic()
        while time.monotonic() - quiet_since < _QUIET_S:
            await asyncio.sleep(0.1)
            if len(waits) != seen:
                seen, quiet_since = len(waits), time.monotonic()
        following.cancel()
    await asyncio.to_thread(leaving.stop)
    return waits


def _shown(waits: list[float]) -> str:
    return f"{percentiles(waits)}, longest {max(waits):.2f} s of {len(waits):,}"
