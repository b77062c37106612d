"""Load: trackers that hang up and come back all the time, in a process of its own.

`python -m tests.load.churner` opens a link of each device, prints `ready`, waits for a line on standard input, restarts links at the
rate for the time, each in one of three ways (hang up first, reset first, come back and leave the old link behind), prints one JSON
line, and holds what is open until standard input ends.
"""

import argparse
import asyncio
import json
import random
import socket
import struct
import sys
import time
from collections import deque
from typing import cast

import uvloop

from vt600_protocol import encode_login
from vt600_simulator.identity import serial_number

_AT_ONCE = 100
_LEFT_BEHIND_S = 2.0
_TICK_S = 0.02
_REPEAT_S = 3.0
_RESET_AT_CLOSE = struct.pack("ii", 1, 0)


class Link(asyncio.Protocol):
    """One link; `answered` once its login is."""

    def __init__(self, device_id: str) -> None:
        self.device_id = device_id
        self.transport: asyncio.Transport | None = None
        self.answered: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.log_in()

    def log_in(self) -> None:
        """Say who it is."""
        if self.transport is not None:
            self.transport.write(encode_login(self.device_id))

    def data_received(self, _data: bytes) -> None:
        if not self.answered.done():
            self.answered.set_result(None)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.answered.done():
            self.answered.set_exception(exc or ConnectionError("closed before the login was answered"))
            self.answered.exception()

    @property
    def peer(self) -> str:
        """Its address as the listener sees it."""
        assert self.transport is not None
        host, port = self.transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def end(self, *, reset: bool = False) -> None:
        """Close it, properly or by a reset."""
        assert self.transport is not None
        if reset:
            sock = self.transport.get_extra_info("socket")
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET_AT_CLOSE)
        self.transport.close()


def identities(devices: int) -> list[str]:
    """The devices of a run."""
    return [serial_number(500_000 + number) for number in range(devices)]


class Churn:
    """The links of all devices, and how they are restarted."""

    def __init__(self, port: int, devices: int) -> None:
        self._port = port
        self._random = random.Random(7)  # noqa: S311
        self._left: deque[tuple[float, Link]] = deque()
        self._busy: set[str] = set()
        self.ids = identities(devices)
        self.links: dict[str, Link] = {}
        self.restarts = 0
        self.failures = 0

    async def connect(self, device_id: str) -> None:
        """A new link, logged in."""
        loop = asyncio.get_running_loop()
        _, link = await loop.create_connection(lambda: Link(device_id), "127.0.0.1", self._port)
        while not (await asyncio.wait({link.answered}, timeout=_REPEAT_S))[0]:
            link.log_in()  # a listener whose bus is slow answers none, and units repeat it
        link.answered.result()
        self.links[device_id] = link

    async def restart(self, device_id: str) -> None:
        """Give the device another link."""
        way = self._random.choice(("hang up", "reset", "leave"))
        older = self.links.pop(device_id, None)
        if older is not None and way != "leave":
            older.end(reset=way == "reset")
        try:
            await self.connect(device_id)
        except OSError:
            self.failures += 1
        else:
            self.restarts += 1
        if older is not None and way == "leave":
            self._left.append((time.monotonic() + _LEFT_BEHIND_S, older))
        self._busy.discard(device_id)

    async def run(self, rate: float, seconds: float) -> None:
        """Restart links at the rate; when that is too much, as many as can be."""
        began, begun = time.monotonic(), 0
        async with asyncio.TaskGroup() as tasks:
            while (elapsed := time.monotonic() - began) < seconds:
                self._end_left()
                while begun < elapsed * rate and len(self._busy) < min(500, len(self.ids) // 2):
                    device_id = self._random.choice(self.ids)
                    if device_id not in self._busy:
                        self._busy.add(device_id)
                        tasks.create_task(self.restart(device_id))
                        begun += 1
                await asyncio.sleep(_TICK_S)
        self._end_left(all_of_them=True)

    def end_some(self, share: float) -> None:
        """Hang up on some devices for good."""
        for device_id in self._random.sample(sorted(self.links), int(len(self.links) * share)):
            self.links.pop(device_id).end()

    def _end_left(self, *, all_of_them: bool = False) -> None:
        while self._left and (all_of_them or self._left[0][0] < time.monotonic()):
            self._left.popleft()[1].end()


async def _run(arguments: argparse.Namespace) -> None:
    churn = Churn(arguments.port, arguments.devices)
    for at in range(0, len(churn.ids), _AT_ONCE):
        await asyncio.gather(*map(churn.connect, churn.ids[at : at + _AT_ONCE]))
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    began = time.monotonic()
    await churn.run(arguments.rate, arguments.seconds)
    took_s = time.monotonic() - began
    churn.end_some(0.1)
    found = {
        "restarts": churn.restarts,
        "failures": churn.failures,
        "seconds": took_s,
        "ended": time.time(),
        "ids": churn.ids,
        "open": {device_id: link.peer for device_id, link in churn.links.items()},
    }
    print(json.dumps(found), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--devices", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True)
    parser.add_argument("--seconds", type=float, required=True)
    uvloop.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
