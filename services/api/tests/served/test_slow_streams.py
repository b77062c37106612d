"""A client that does not keep up is helped, then cut; it delays nobody."""

import asyncio
import json
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import websockets

from vt600_api.live.hub import Kind, LiveMessage

if TYPE_CHECKING:
    from served.conftest import Eventually, Serve, Served

pytestmark = pytest.mark.servers

BULK = "x" * 250_000  # so that the buffers on the way are soon full
UNREAD: dict[str, Any] = {"compression": None, "max_queue": 1, "max_size": None, "close_timeout": 1}


def message(number: int, device_id: str, kind: Kind) -> LiveMessage:
    return LiveMessage(kind, device_id, json.dumps({"type": kind, "data": number, "bulk": BULK}))


async def read(stream: websockets.ClientConnection) -> Any:
    async with asyncio.timeout(20):
        return json.loads(await stream.recv())


async def numbers_until_cut(stream: websockets.ClientConnection) -> list[int]:
    """What a client that reads again still gets."""
    found = []
    async with asyncio.timeout(20):
        try:
            while True:
                found.append(json.loads(await stream.recv())["data"])
        except websockets.ConnectionClosed:
            return found


async def cut_streams(served: "Served") -> str:
    """The counter of clients cut off."""
    async with httpx.AsyncClient() as client:
        lines = (await client.get(f"{served.probes_url}/metrics")).text.splitlines()
    return next(line for line in lines if line.startswith("vt600_api_streams_cut_total"))


async def test_who_is_too_slow_is_cut_and_delays_nobody(serve: "Serve", eventually: "Eventually") -> None:
    served = await serve(stream_queue_messages=10)
    async with served.stream(**UNREAD) as slow, served.stream("kinds=alarm", max_size=None) as fast:
        assert [(await read(stream))["type"] for stream in (slow, fast)] == ["hello", "hello"]
        sent = 0
        while not any(client.overrun for client in served.hub.clients):
            served.hub.publish([message(sent, "1", "alarm")])
            assert (await read(fast))["data"] == sent  # at once, while the other does not read
            sent += 1
            assert sent < 500
        found = await numbers_until_cut(slow)

        assert (slow.close_code, slow.close_reason) == (4008, "too slow: the queue is full")
        assert found == list(range(len(found)))  # what was sent was whole
        assert len(found) < sent
        await eventually(lambda: cut_streams(served), lambda line: line == "vt600_api_streams_cut_total 1.0")
        assert len(served.hub.clients) == 1


async def test_who_falls_behind_gets_every_alarm_and_the_newest_places(serve: "Serve") -> None:
    served = await serve(stream_queue_messages=10)
    async with served.stream(**UNREAD) as slow:
        await read(slow)
        (client,) = served.hub.clients
        alarms, sent = [], 0
        while not client.coalesced:
            kind: Kind = "alarm" if sent == 3 else "position"
            alarms += [sent] if kind == "alarm" else []
            served.hub.publish([message(sent, str(sent % 2), kind)])
            await asyncio.sleep(0)
            sent += 1
            assert sent < 500
        left_out = 0
        found: list[int] = []
        while not {sent - 1, sent - 2} <= set(found):
            answer = await read(slow)
            left_out += answer.get("left_out", 0)
            found += [answer["data"]] if "data" in answer else []

        assert set(alarms) <= set(found)
        assert found == sorted(found)
        assert left_out == sent - len(found) > 0
        assert len(served.hub.clients) == 1


async def test_who_takes_nothing_at_all_does_not_hold_a_place(serve: "Serve", eventually: "Eventually") -> None:
    served = await serve(stream_queue_messages=1000, stream_behind_s=0.2)
    async with served.stream(**UNREAD) as stuck:
        await read(stuck)
        served.hub.publish([message(number, "1", "alarm") for number in range(100)])

        await eventually(lambda: cut_streams(served), lambda line: line == "vt600_api_streams_cut_total 1.0")
        assert not served.hub.clients
