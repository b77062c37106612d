"""Up to 300 commands a second to 300 devices: from the request, and from its acceptance, to the bytes on the device's socket."""

import asyncio
import json
import os
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from contextlib import suppress

import uvloop
from tests.gateway import Gateway
from tests.load.bench import bench, cpu_s, figure, percentiles

from vt600_protocol import Answer, CommandFrame, Connection, Identity, encode_login, encode_reply
from vt600_simulator.identity import serial_number

RATES = (50, 100, 200, 300)
DEVICES = 300
WARM_S, MEASURED_S = 5, 20
CLIENTS = 50  # connections to the API
_ANSWER = Answer(values=Identity(serial_number="1", imei="2", firmware="3"))


def run() -> None:
    with bench() as servers:
        gateway = servers.gateway
        gateway.listener_settings = {"LISTENER_MAX_LINKS_PER_ADDRESS": "0"}
        gateway.start()
        registered = ", ".join(f"('{serial_number(number)}', 'active')" for number in range(1, DEVICES + 1))
        servers.query(f"INSERT INTO fleet.devices (device_id, state) VALUES {registered}")  # noqa: S608
        processes = {
            "api": gateway.api.pid, "commander": gateway.commander.pid, "listener": gateway.listener.pid,
            "ingest": gateway.ingest.pid, "trips": gateway.trips.pid, "campaigns": gateway.campaigns.pid,
            "Kafka": servers.kafka.pid, "PostgreSQL": servers.postgres_pid, "the load itself": os.getpid(),
        }  # fmt: skip
        uvloop.run(_drive(gateway, processes))


Key = tuple[str, int]
_Links = asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]]


class _Load:
    """What was asked for, and what came of it."""

    def __init__(self) -> None:
        self.asked_for: dict[Key, float] = {}
        self.accepted: dict[Key, float] = {}
        self.arrived: dict[Key, float] = {}
        self.answers: Counter[int] = Counter()

    @property
    def from_request(self) -> list[float]:
        return [at - self.asked_for[key] for key, at in self.arrived.items() if key in self.asked_for]

    @property
    def from_acceptance(self) -> list[float]:
        """Bytes may be there before the answer of REST is."""
        keys = self.arrived.keys() & self.accepted.keys() & self.asked_for.keys()
        return [max(self.arrived[key] - self.accepted[key], 0.0) for key in keys]


class _Device:
    """Answers every command at once. Its commands come in the order in which they were asked for."""

    def __init__(self, number: int) -> None:
        self.device_id = serial_number(number)
        self._connection = Connection("device")
        self.load = _Load()
        self.asked: deque[Key] = deque()

    async def connect(self, port: int) -> None:
        self._reader, self._writer = await asyncio.open_connection("127.0.0.1", port)
        self._writer.write(encode_login(self.device_id))

    async def answer(self) -> None:
        """For ever."""
        while data := await self._reader.read(4096):
            self._connection.receive_data(data)
            while (message := self._connection.next_message()) is not None:
                if isinstance(message, CommandFrame):
                    self.load.arrived[self.asked.popleft()] = time.perf_counter()
                    self._writer.write(encode_reply(message, _ANSWER))


async def _drive(gateway: Gateway, processes: Mapping[str, int]) -> None:
    devices = [_Device(number) for number in range(1, DEVICES + 1)]
    for device in devices:
        await device.connect(gateway.listener_port)
    answering = [asyncio.create_task(device.answer()) for device in devices]
    await _all_linked(gateway)
    links: _Links = asyncio.Queue()
    for _ in range(CLIENTS):
        links.put_nowait(await asyncio.open_connection("127.0.0.1", gateway.api_port))
    for rate in RATES:
        began, before = time.monotonic(), {name: cpu_s(pid) for name, pid in processes.items()}
        load = await _ask_at(rate, gateway, links, devices)
        elapsed = time.monotonic() - began
        used = {name: (cpu_s(pid) - before[name]) / elapsed for name, pid in processes.items()}
        figure(f"commands, {rate}/s: request → bytes on the socket", percentiles(load.from_request))
        figure("  accepted by REST → bytes on the socket", percentiles(load.from_acceptance), "p50 ≤ 30, p99 ≤ 150 ms")
        figure("  answers of REST", ", ".join(f"{status} {count:,}×" for status, count in sorted(load.answers.items())))
        figure("  without bytes", f"{len(load.asked_for) - len(load.from_request):,}")
        figure("  cores at work", ", ".join(f"{name} {share:.2f}" for name, share in used.items()))
    for task in answering:
        task.cancel()


async def _ask_at(rate: int, gateway: Gateway, links: _Links, devices: Sequence[_Device]) -> _Load:
    """Ask the devices in turn, and wait for the bytes."""
    load = _Load()
    for device in devices:
        device.load = load
    asking = []
    first = time.perf_counter() + 0.5
    for number in range(rate * (WARM_S + MEASURED_S)):
        await asyncio.sleep(first + number / rate - time.perf_counter())
        turn, at = divmod(number, DEVICES)
        is_measured = number >= rate * WARM_S
        asking.append(asyncio.create_task(_ask(gateway, links, load, devices[at], turn, is_measured)))
    await asyncio.gather(*asking)
    with suppress(TimeoutError):
        async with asyncio.timeout(10):
            while load.accepted.keys() - load.arrived.keys():
                await asyncio.sleep(0.1)
    return load


async def _all_linked(gateway: Gateway) -> None:
    async with gateway.client() as client, asyncio.timeout(60):
        while len((await client.get("/v1/devices?link=online&limit=1000")).json()["items"]) < DEVICES:
            await asyncio.sleep(0.2)


async def _ask(
    gateway: Gateway,
    links: _Links,
    load: _Load,
    device: _Device,
    turn: int,
    is_measured: bool,
) -> None:
    """By hand: an HTTP library would cost more than the API that is measured."""
    key = device.device_id, turn
    body = json.dumps({"type": "identify"}).encode()
    head = (
        f"POST /v1/devices/{key[0]}/commands HTTP/1.1\r\nHost: api\r\nAuthorization: Bearer {gateway.api_key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    asked_at = time.perf_counter()
    device.asked.append(key)
    reader, writer = await links.get()
    writer.write(head.encode() + body)
    answer = await reader.readuntil(b"\r\n\r\n")
    length = int(answer.lower().partition(b"content-length:")[2].split()[0])
    await reader.readexactly(length)
    accepted_at = time.perf_counter()
    links.put_nowait((reader, writer))
    status = int(answer.split()[1])
    if status != 202:
        device.asked.remove(key)
    if is_measured:
        load.answers[status] += 1
        load.asked_for[key] = asked_at
        if status == 202:
            load.accepted[key] = accepted_at
