"""A rolling update of a listener: how its links end, and how fast the trackers come back to the next one."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence

import uvloop
from tests.gateway import Gateway
from tests.load.bench import bench, figure

from vt600_local.service import Service
from vt600_protocol import encode_login
from vt600_simulator.identity import serial_number

LINKS = 3_000
_LOGIN_BYTES = 18
_RETRY_S = 0.1


def run() -> None:
    with bench() as servers:
        gateway = servers.gateway
        drain = {"LISTENER_DRAIN_ACCEPT_S": "3", "LISTENER_DRAIN_S": "20"}  # the defaults
        gateway.listener_settings = {**drain, "LISTENER_MAX_LINKS_PER_ADDRESS": "0"}
        gateway.add_listener()
        uvloop.run(_roll(gateway))


class _Fleet:
    """Trackers that come back the moment their link ends, as none does in a field."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._links: list[asyncio.StreamWriter] = []
        self.closed_at: list[float] = []
        self.back_at: list[float] = []
        self.failures = 0

    async def connect(self, number: int) -> asyncio.StreamReader:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._links.append(writer)
        writer.write(encode_login(serial_number(number)))
        await reader.readexactly(_LOGIN_BYTES)
        return reader

    async def come_back(self, number: int, reader: asyncio.StreamReader) -> None:
        await reader.read()
        self.closed_at.append(time.monotonic())
        self._links[number].close()
        while True:
            try:
                await self.connect(number)
            except (OSError, asyncio.IncompleteReadError):
                self.failures += 1
                await asyncio.sleep(_RETRY_S)
            else:
                self.back_at.append(time.monotonic())
                return


async def _roll(gateway: Gateway) -> None:
    fleet = _Fleet(gateway.listener_port)
    links = [await fleet.connect(number) for number in range(LINKS)]
    old = gateway.listener
    await asyncio.to_thread(gateway.add_listener)
    async with asyncio.TaskGroup() as tasks:
        for number, reader in enumerate(links):
            tasks.create_task(fleet.come_back(number, reader))
        began = time.monotonic()
        old.terminate()
        await asyncio.to_thread(_end_of, old)
        ended = time.monotonic()
    figure(
        f"{LINKS:,} links: from the signal to the end, exit code", f"{ended - began:.1f} s, {old.exit_code}", "≤ 40 s"
    )
    figure("  first and last closure after", f"{_span(fleet.closed_at, began)}")
    figure("  most closures in one second", f"{_most(fleet.closed_at)}", f"≤ {LINKS // 20 * 2} of {LINKS:,}")
    figure("  most logins in one second, tries that failed", f"{_most(fleet.back_at)}, {fleet.failures}")
    figure("  closures in each second", " ".join(str(count) for count in _per_second(fleet.closed_at, began)))


def _end_of(listener: Service) -> None:
    while listener.running:
        time.sleep(0.05)


def _span(times: Sequence[float], began: float) -> str:
    return f"{min(times) - began:.1f} s, {max(times) - began:.1f} s"


def _per_second(times: Sequence[float], began: float) -> list[int]:
    counts = Counter(int(at - began) for at in times)
    return [counts[second] for second in range(max(counts) + 1)]


def _most(times: Sequence[float]) -> int:
    return max(Counter(int(at) for at in times).values())
