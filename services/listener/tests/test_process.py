"""The whole process between real sockets and a real Kafka."""

import asyncio
import json
import os
import signal
import socket
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, TypeVar

import pytest
from msgspec import Struct

from vt600_bus import Follower, KafkaSettings, Publisher, Topic, decode, topics
from vt600_bus.records import DeliveryReport, Downlink, Reject
from vt600_protocol import Identify, encode_command, encode_login

if TYPE_CHECKING:
    from vt600_local.kafka import Kafka

pytestmark = pytest.mark.servers

R = TypeVar("R", bound=Struct)
_PATIENCE_S = 45.0


class ListenerProcess:
    """`python -m vt600_listener` and its log lines."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []
        self.port = 0
        self.probes_port = 0

    async def read_log(self) -> None:
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.lines.append(line.decode())

    def events(self, name: str) -> list[dict[str, object]]:
        found = [json.loads(line) for line in self.lines if line.startswith("{")]
        return [event for event in found if event["event"] == name]

    def ready(self) -> int:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.probes_port}/health/ready", timeout=5) as answer:
                return int(answer.status)
        except urllib.error.HTTPError as error:
            error.close()
            return error.code


@asynccontextmanager
async def running_listener(kafka: str, **settings: object) -> AsyncIterator[ListenerProcess]:
    """A listener on free ports; ended when the block ends."""
    given = {"port": 0, "probes_port": 0, "host": "127.0.0.1", "drain_accept_s": 0, "drain_s": 0.2, **settings}
    environment = {f"LISTENER_{name.upper()}": str(value) for name, value in given.items()}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vt600_listener",
        env={**os.environ, "KAFKA_BOOTSTRAP_SERVERS": kafka, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    listener = ListenerProcess(process)
    reading = asyncio.create_task(listener.read_log())
    try:
        await until(lambda: bool(listener.events("listener.opened")))
        opened = listener.events("listener.opened")[0]
        listener.port, listener.probes_port = int(str(opened["port"])), int(str(opened["probes_port"]))
        await until(lambda: listener.ready() == 200)
        yield listener
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        await reading


async def until(condition: Callable[[], bool]) -> None:
    """Waits for something that no event tells."""
    async with asyncio.timeout(_PATIENCE_S):
        while not await asyncio.to_thread(condition):
            await asyncio.sleep(0.02)


@asynccontextmanager
async def link_to(port: int) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """A TCP link of a unit."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        yield reader, writer
    finally:
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()


async def soon(wait: Awaitable[R | bytes]) -> R | bytes:
    async with asyncio.timeout(_PATIENCE_S):
        return await wait


async def records_of(kafka: str, topic: Topic[R], key: str, *, wanted: int) -> list[R]:
    """The records with this key, once there are so many."""
    found: list[R] = []
    follower = Follower(KafkaSettings(bootstrap_servers=kafka), [topic], client_id="test", start="beginning")
    async with asyncio.timeout(_PATIENCE_S), follower:
        while len(found) < wanted:
            batch = await follower.next_batch()
            found += [decode(topic.record, delivery.value) for delivery in batch if delivery.key == key]
    return found


def fresh_binary_id() -> str:
    return f"{uuid.uuid4().int % 10**12 + 10**12}"


def fresh_ascii_id() -> str:
    return f"{uuid.uuid4().int % 10**14 + 8 * 10**14}"


async def test_a_login_is_answered_and_what_follows_is_on_the_bus(
    kafka_servers: str, report_frame: Callable[..., bytes]
) -> None:
    device = fresh_binary_id()
    async with running_listener(kafka_servers) as listener, link_to(listener.port) as (reader, writer):
        writer.write(encode_login(device) + report_frame(device))
        answer = await soon(reader.readexactly(18))
        uplinks = await records_of(kafka_servers, topics.UPLINKS, device, wanted=2)
        sessions = await records_of(kafka_servers, topics.SESSIONS, device, wanted=1)

    assert isinstance(answer, bytes)
    assert answer[:2] == b"@@"
    assert [record.kind for record in uplinks] == ["login", "position"]
    assert uplinks[1].raw == report_frame(device)
    assert sessions[0].session_id == uplinks[0].session_id


async def test_a_balancer_s_header_names_the_peer(kafka_servers: str) -> None:
    device = fresh_binary_id()
    settings = {"proxy_protocol": "required", "proxy_trusted": "127.0.0.0/8"}
    async with (
        running_listener(kafka_servers, **settings) as listener,
        link_to(listener.port) as (reader, writer),
        link_to(listener.port) as (other_reader, other_writer),
    ):
        writer.write(b"PROXY TCP6 2001:db8::1 2001:db8::2 5000 8888\r\n" + encode_login(device)[:4])
        await writer.drain()
        writer.write(encode_login(device)[4:])
        answer = await soon(reader.readexactly(18))
        other_writer.write(encode_login(device))
        with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
            await soon(other_reader.readexactly(1))
        sessions = await records_of(kafka_servers, topics.SESSIONS, device, wanted=1)

    assert isinstance(answer, bytes)
    assert answer[:2] == b"@@"
    assert sessions[0].peer == "[2001:db8::1]:5000"


async def test_invariant_1_a_confirmed_frame_is_on_the_bus(
    kafka_servers: str, report_frame: Callable[..., bytes]
) -> None:
    device = fresh_ascii_id()
    async with running_listener(kafka_servers) as listener, link_to(listener.port) as (reader, writer):
        writer.write(report_frame(device, code="010", packet_no="W"))
        confirmation = await soon(reader.readuntil(b"\r\n"))
        listener.process.kill()
    uplinks = await records_of(kafka_servers, topics.UPLINKS, device, wanted=1)

    assert isinstance(confirmation, bytes)
    assert confirmation.startswith(f"$$W22,{device},010,1".encode())
    assert uplinks[0].raw == report_frame(device, code="010", packet_no="W")


class Datagrams(asyncio.DatagramProtocol):
    def __init__(self) -> None:
        self.received: asyncio.Queue[bytes] = asyncio.Queue()

    def datagram_received(self, data: bytes, addr: object) -> None:  # noqa: ARG002  the event loop's name
        self.received.put_nowait(data)


async def test_both_dialects_over_udp(kafka_servers: str, report_frame: Callable[..., bytes]) -> None:
    binary, ascii_unit = fresh_binary_id(), fresh_ascii_id()
    async with running_listener(kafka_servers) as listener:
        transport, unit = await asyncio.get_running_loop().create_datagram_endpoint(
            Datagrams, remote_addr=("127.0.0.1", listener.port)
        )
        transport.sendto(encode_login(binary) + report_frame(binary))
        transport.sendto(report_frame(ascii_unit, code="010", packet_no="K"))
        async with asyncio.timeout(_PATIENCE_S):
            answers = sorted([await unit.received.get(), await unit.received.get()])
        transport.close()
        uplinks = await records_of(kafka_servers, topics.UPLINKS, binary, wanted=2)

    assert answers[0].startswith(f"$$K22,{ascii_unit},010,1".encode())
    assert answers[1].startswith(b"@@")
    assert {record.transport for record in uplinks} == {"udp"}


async def test_invariant_4_bad_input_closes_links_without_a_traceback(
    kafka_servers: str, report_frame: Callable[..., bytes]
) -> None:
    device = fresh_binary_id()
    bad = [
        b"GET / HTTP/1.1\r\nHost: example.org\r\n\r\n",
        bytes.fromhex("16030100c8010000c403035f") + os.urandom(190),
        os.urandom(50_000),
        b"A" * 1_000_000,
        report_frame(device)[:-1],
        b"$$\x07\xff" * 1_000,
    ]
    async with running_listener(kafka_servers, first_frame_timeout_s=0.5, half_frame_timeout_s=0.5) as listener:
        for data in bad:
            async with link_to(listener.port) as (reader, writer):
                with suppress(ConnectionError):
                    writer.write(data)
                    await soon(reader.read())
        async with link_to(listener.port) as (reader, writer):
            corrupted = report_frame(device)[:-5] + b"\x00" + report_frame(device)[-4:]
            writer.write(corrupted + encode_login(device))
            await soon(reader.readexactly(18))
        rejects = await all_rejects(kafka_servers, wanted={"rubbish", "frame", "checksum"})
        closed = listener.events("link.closed")

    assert all(len(reject.raw) <= 4_096 for reject in rejects)
    assert len({str(event["peer"]) for event in closed}) == len(closed) == len(bad)
    assert not [line for line in listener.lines if "Traceback" in line]


async def all_rejects(kafka: str, *, wanted: set[str]) -> list[Reject]:
    found: list[Reject] = []
    follower = Follower(KafkaSettings(bootstrap_servers=kafka), [topics.REJECTS], client_id="test", start="beginning")
    async with asyncio.timeout(_PATIENCE_S), follower:
        while not wanted <= {reject.reason for reject in found}:
            found += [decode(Reject, delivery.value) for delivery in await follower.next_batch()]
    return found


async def test_dispatches_reach_the_link_that_they_name(kafka_servers: str, report_frame: Callable[..., bytes]) -> None:
    device = fresh_binary_id()
    settings = KafkaSettings(bootstrap_servers=kafka_servers)
    async with (
        running_listener(kafka_servers) as listener,
        link_to(listener.port) as (reader, writer),
        Publisher(settings, client_id="test") as publisher,
    ):
        writer.write(report_frame(device))
        session = (await records_of(kafka_servers, topics.SESSIONS, device, wanted=1))[0]
        command = encode_command(Identify(), device_id=device, dialect="binary")
        for command_id, generation in (("stale", session.generation - 1), ("good", session.generation)):
            publisher.publish(
                topics.DOWNLINKS,
                device,
                Downlink(
                    command_id=command_id,
                    attempt=1,
                    device_id=device,
                    listener_id=session.listener_id,
                    session_id=session.session_id,
                    generation=generation,
                    dispatched_at=datetime.now(UTC),
                    deadline_at=datetime.now(UTC) + timedelta(seconds=30),
                    payload=command.payload,
                    reply_code=command.reply_code,
                ),
            )
        received = await soon(reader.readexactly(len(command.payload)))
        reports: list[DeliveryReport] = await records_of(kafka_servers, topics.DELIVERY_REPORTS, device, wanted=2)

    assert received == command.payload
    assert [(report.command_id, report.outcome, report.reason) for report in reports] == [
        ("stale", "refused", "stale_generation"),
        ("good", "written", None),
    ]


async def test_a_signal_drains_and_ends_with_zero(kafka_servers: str, report_frame: Callable[..., bytes]) -> None:
    device, name = fresh_binary_id(), f"drained-{uuid.uuid4().hex}"
    async with running_listener(kafka_servers, id=name) as listener, link_to(listener.port) as (reader, writer):
        own_id = str(listener.events("listener.opened")[0]["listener_id"])
        writer.write(encode_login(device))
        await soon(reader.readexactly(18))
        listener.process.send_signal(signal.SIGTERM)
        farewell = await soon(reader.read())
        writer.write(report_frame(device))
        writer.write_eof()
        async with asyncio.timeout(_PATIENCE_S):
            code = await listener.process.wait()
    uplinks = await records_of(kafka_servers, topics.UPLINKS, device, wanted=2)
    sessions = await records_of(kafka_servers, topics.SESSIONS, device, wanted=2)
    leases = await records_of(kafka_servers, topics.LISTENERS, own_id, wanted=3)

    assert farewell == b""
    assert code == 0
    assert [record.kind for record in uplinks] == ["login", "position"]
    assert (sessions[-1].state, sessions[-1].cause) == ("closed", "drained")
    assert leases[-1].state == "down"
    assert own_id.startswith(f"{name}-")  # and one of this start alone


async def test_a_broker_that_goes_away_is_survived_and_nothing_is_confirmed_meanwhile(
    own_kafka: "Callable[[], Kafka]", report_frame: Callable[..., bytes]
) -> None:
    device = fresh_ascii_id()
    kafka = own_kafka()
    async with running_listener(kafka.bootstrap_servers, bus_away_limit_s=4.0) as listener:
        async with link_to(listener.port) as (reader, writer):
            await asyncio.to_thread(kafka.kill)
            writer.write(report_frame(device, code="010", packet_no="W"))
            while_away = await soon(reader.read())
        await until(lambda: listener.ready() == 503)
        async with link_to(listener.port) as (reader, _):
            refused = await soon(reader.read())
        await asyncio.to_thread(kafka.start)
        await until(lambda: listener.ready() == 200)
        async with link_to(listener.port) as (reader, writer):
            writer.write(report_frame(device, code="010", packet_no="X"))
            confirmation = await soon(reader.readuntil(b"\r\n"))
        uplinks = await records_of(kafka.bootstrap_servers, topics.UPLINKS, device, wanted=2)

    assert while_away == refused == b""
    assert isinstance(confirmation, bytes)
    assert confirmation.startswith(b"$$X")
    assert len({record.frame_id for record in uplinks}) == 1


async def test_bad_settings_are_one_clear_line() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "vt600_listener",
        env={**os.environ, "LISTENER_PORT": "many"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await process.communicate()

    assert process.returncode == 2
    assert output.count(b"\n") == 1
    assert b"port: Input should be a valid integer" in output


async def test_a_port_that_somebody_else_has_is_one_clear_line(kafka_servers: str) -> None:
    with socket.socket() as stranger:
        stranger.bind(("127.0.0.1", 0))
        stranger.listen()
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "vt600_listener",
            env={
                **os.environ,
                "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
                "LISTENER_PROBES_PORT": "0",
                "LISTENER_PORT": str(stranger.getsockname()[1]),
            },
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()

    assert process.returncode == 1
    assert b"Address already in use" in output
    assert b"Traceback" not in output
