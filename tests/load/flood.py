"""Load: many binary trackers that write frames made beforehand, in a process of its own.

`python -m tests.load.flood` makes its frames, connects, logs in, prints `ready`, waits for a line on standard input, writes, prints
one JSON line with the times of its first and last write, and holds the links until standard input ends.
"""

import argparse
import asyncio
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast

import uvloop

from vt600_protocol import encode_login, encode_report
from vt600_simulator.identity import serial_number
from vt600_simulator.tracker import Tracker

_CHUNK_FRAMES = 50
_TICK_S = 0.02


class _Link(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport: asyncio.Transport | None = None
        self.logged_in = asyncio.Event()
        self.may_write = asyncio.Event()
        self.may_write.set()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)

    def data_received(self, _data: bytes) -> None:
        self.logged_in.set()

    def pause_writing(self) -> None:
        self.may_write.clear()

    def resume_writing(self) -> None:
        self.may_write.set()


def make_frames(device_id: str, seed: int, count: int) -> list[bytes]:
    """Distinct frames of one device."""
    tracker = Tracker(device_id, "binary", "tcp", confirmed_mode=False, interval_s=1.0, seed=seed)
    base = tracker.make_record(datetime.now(UTC), linked=True).report
    base = replace(base, code="9955", event="interval", event_code=None)
    start = datetime.now(UTC).replace(microsecond=0) - timedelta(seconds=count // 100 + 1)
    return [
        encode_report(replace(base, device_time=start + timedelta(milliseconds=10 * number), odometer_m=number))
        for number in range(count)
    ]


async def _connect(port: int, device_id: str, *, login: bool) -> _Link:
    loop = asyncio.get_running_loop()
    _transport, link = await loop.create_connection(_Link, "127.0.0.1", port)
    if login and link.transport is not None:
        link.transport.write(encode_login(device_id))
        await link.logged_in.wait()
    return link


async def _pour(link: _Link, frames: Sequence[bytes]) -> None:
    """As fast as the listener takes it."""
    for chunk in [b"".join(frames[at : at + _CHUNK_FRAMES]) for at in range(0, len(frames), _CHUNK_FRAMES)]:
        await link.may_write.wait()
        if link.transport is not None:
            link.transport.write(chunk)
        await asyncio.sleep(0)


async def _pace(links: Sequence[_Link], frames: Sequence[list[bytes]], rate: float) -> None:
    """Single frames, spread over the links and over time."""
    queue = [frame for row in zip(*frames, strict=True) for frame in row]
    began, sent = time.perf_counter(), 0
    while sent < len(queue):
        goal = min(len(queue), int((time.perf_counter() - began) * rate) + 1)
        for number in range(sent, goal):
            link = links[number % len(links)]
            if link.transport is not None:
                link.transport.write(queue[number])
        sent = goal
        await asyncio.sleep(_TICK_S)


async def _run(arguments: argparse.Namespace) -> None:
    each = arguments.frames // arguments.links
    ids = [serial_number(arguments.first_number + number) for number in range(arguments.links)]
    frames = [make_frames(device_id, number, each) for number, device_id in enumerate(ids)]
    links: list[_Link] = []
    for at in range(0, len(ids), 100):
        links += await asyncio.gather(
            *(_connect(arguments.port, device_id, login=not arguments.no_login) for device_id in ids[at : at + 100])
        )
    loop = asyncio.get_running_loop()
    print("ready", flush=True)
    await loop.run_in_executor(None, sys.stdin.readline)
    began = time.time()
    if arguments.rate:
        await _pace(links, frames, arguments.rate)
    else:
        await asyncio.gather(*(_pour(link, row) for link, row in zip(links, frames, strict=True)))
    print(json.dumps({"began": began, "ended": time.time(), "frames": each * len(links)}), flush=True)
    await loop.run_in_executor(None, sys.stdin.read)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--links", type=int, required=True)
    parser.add_argument("--frames", type=int, default=0, help="in all")
    parser.add_argument("--rate", type=float, help="frames per second in all; without it as fast as they are taken")
    parser.add_argument("--first-number", type=int, default=100_000)
    parser.add_argument("--no-login", action="store_true")
    uvloop.run(_run(parser.parse_args()))


if __name__ == "__main__":
    main()
