"""At 200 frames/s: frame read → row committed, frame written → row readable by REST and → WebSocket; command accepted → bytes on the socket."""

import asyncio
import json
import time
from dataclasses import replace
from datetime import UTC, datetime

import httpx
import uvloop
import websockets
from tests.gateway import Gateway
from tests.load.bench import Flood, bench, figure, percentiles

from vt600_protocol import (
    Answer,
    CommandFrame,
    Connection,
    Identity,
    Message,
    encode_login,
    encode_reply,
    encode_report,
)
from vt600_simulator.identity import serial_number
from vt600_simulator.tracker import Tracker

IDENTITY = Answer(values=Identity(serial_number="1", imei="2", firmware="3"))
PROBES = 400
COMMANDS = 200
_BACKGROUND_RATE = 190.0
# Of the reports after the first ten seconds, which warm everything up; the server notes when each transaction was committed.
_COMMITTED = """
SELECT string_agg(extract(epoch FROM pg_xact_commit_timestamp(xmin) - received_at)::text, ' ') FROM fleet.reports
WHERE received_at > (SELECT min(received_at) FROM fleet.reports) + interval '10 seconds'
"""


def run() -> None:
    with bench() as servers:
        gateway = servers.gateway
        gateway.start()
        flood = Flood(gateway.listener_port, links=19, frames=19 * 600, rate=_BACKGROUND_RATE)
        flood.begin()
        rows, messages = uvloop.run(_reports(gateway))
        flood.result()
        flood.close()
        if servers.query("SHOW track_commit_timestamp") == "on":
            committed = [float(text) for text in servers.query(_COMMITTED).split()]
            figure(
                f"read by the listener → row committed, {len(committed):,} frames",
                percentiles(committed),
                "p99 ≤ 60 ms",
            )
        written = uvloop.run(_commands(gateway))
    figure("frame written → row readable by REST", percentiles(rows), "p50 ≤ 20, p99 ≤ 60 ms")
    figure("frame written → WebSocket message", percentiles(messages), "p50 ≤ 25, p99 ≤ 80 ms")
    figure("command accepted by REST → bytes on the socket", percentiles(written), "p50 ≤ 30, p99 ≤ 100 ms")


class _Probe:
    """One tracker's socket."""

    def __init__(self, device_id: str) -> None:
        self.tracker = Tracker(device_id, "binary", "tcp", confirmed_mode=False, interval_s=1.0, seed=7)
        self._connection = Connection("device")

    async def connect(self, port: int) -> None:
        self._reader, self.writer = await asyncio.open_connection("127.0.0.1", port)
        self.writer.write(encode_login(self.tracker.device_id))
        await self.receive()

    def report(self) -> tuple[bytes, int]:
        """A frame and the odometer by which it is known."""
        record = self.tracker.make_record(datetime.now(UTC), linked=True)
        return encode_report(replace(record.report, event="interval", code="9955", event_code=None)), record.odometer_m

    async def receive(self) -> Message:
        while (message := self._connection.next_message()) is None:
            self._connection.receive_data(await self._reader.read(4096))
        return message


async def _reports(gateway: Gateway) -> tuple[list[float], list[float]]:
    probe = _Probe(serial_number(1))
    await probe.connect(gateway.listener_port)
    device_id = probe.tracker.device_id
    rows, messages = [], []
    async with gateway.client() as client, websockets.connect(gateway.stream_url(f"devices={device_id}")) as stream:
        await stream.recv()
        for number in range(PROBES):
            frame, odometer_m = probe.report()
            began = time.perf_counter()
            probe.writer.write(frame)
            row, message = await asyncio.gather(
                _row_readable(client, device_id, odometer_m), _message_received(stream, odometer_m)
            )
            if number >= PROBES // 10:  # the first ones warm everything up
                rows.append(row - began)
                messages.append(message - began)
            await asyncio.sleep(0.03)
    return rows, messages


async def _row_readable(client: httpx.AsyncClient, device_id: str, odometer_m: int) -> float:
    while True:
        answer = await client.get(f"/v1/devices/{device_id}/positions/latest")
        if answer.status_code == httpx.codes.OK and answer.json()["odometer_m"] == odometer_m:
            return time.perf_counter()


async def _message_received(stream: websockets.ClientConnection, odometer_m: int) -> float:
    while True:
        message = json.loads(await stream.recv())
        if message.get("data", {}).get("odometer_m") == odometer_m:
            return time.perf_counter()


async def _commands(gateway: Gateway) -> list[float]:
    """Sent → on the socket, so the time of the request itself is in it."""
    probe = _Probe(serial_number(1))
    await probe.connect(gateway.listener_port)
    frame, _odometer = probe.report()
    probe.writer.write(frame)
    device_id, seconds = probe.tracker.device_id, []
    async with gateway.client() as client:
        for number in range(COMMANDS):
            began = time.perf_counter()
            answer, (message, arrived) = await asyncio.gather(
                client.post(f"/v1/devices/{device_id}/commands", json={"type": "identify"}), _received(probe)
            )
            assert isinstance(message, CommandFrame)
            if number >= COMMANDS // 10:
                seconds.append(arrived - began)
            probe.writer.write(encode_reply(message, IDENTITY))
            await _settled(client, answer.json()["command_id"])
    return seconds


async def _received(probe: _Probe) -> tuple[Message, float]:
    return await probe.receive(), time.perf_counter()


async def _settled(client: httpx.AsyncClient, command_id: str) -> None:
    while (await client.get(f"/v1/commands/{command_id}")).json()["state"] != "acknowledged":
        await asyncio.sleep(0.005)
