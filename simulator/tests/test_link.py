"""A network that forgets the way to a tracker, over real sockets and with a hand-moved clock."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from vt600_protocol import Identify, Message, encode_command
from vt600_simulator.behaviour import Behaviour, Nat, read_behaviour
from vt600_simulator.fleet import Fleet, FleetSettings
from vt600_simulator.link import TcpLink, UdpLink
from vt600_simulator.report import write_journal

COMMAND = encode_command(Identify(), device_id="865431040000017", dialect="ascii").payload
FORGETS = Behaviour(nat_s=60)
FORGETS_AND_RESETS = Behaviour(nat_s=60, nat_resets=True)


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


class Peer(asyncio.DatagramProtocol):
    """The gateway's end of a datagram path: remembers where the last bytes came from."""

    def __init__(self) -> None:
        self.arrived: asyncio.Queue[tuple[bytes, tuple[str, int]]] = asyncio.Queue()

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.arrived.put_nowait((data, address))


@asynccontextmanager
async def tcp_link(
    behaviour: Behaviour, clock: Clock, received: asyncio.Queue[Message]
) -> AsyncIterator[tuple[TcpLink, asyncio.StreamReader, asyncio.StreamWriter]]:
    accepted: asyncio.Queue[tuple[asyncio.StreamReader, asyncio.StreamWriter]] = asyncio.Queue()
    server = await asyncio.start_server(lambda *streams: accepted.put_nowait(streams), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    loop = asyncio.get_running_loop()
    _, link = await loop.create_connection(
        lambda: TcpLink(received.put_nowait, Nat(behaviour, clock)), "127.0.0.1", port
    )
    reader, writer = await accepted.get()
    try:
        yield link, reader, writer
    finally:
        link.close()
        writer.close()
        server.close()
        await server.wait_closed()


async def test_what_comes_over_a_forgotten_link_vanishes_until_the_tracker_speaks() -> None:
    clock, received = Clock(), asyncio.Queue[Message]()
    async with tcp_link(FORGETS, clock, received) as (link, reader, writer):
        clock.now = 60
        link.data_received(COMMAND)
        link.write(b"here")
        assert await reader.readexactly(4) == b"here"
        writer.write(COMMAND)
        message = await received.get()

        assert message.raw == COMMAND
        assert received.empty()


async def test_a_link_that_the_network_has_forgotten_may_break_when_the_tracker_speaks() -> None:
    clock = Clock()
    async with tcp_link(FORGETS_AND_RESETS, clock, asyncio.Queue()) as (link, reader, _writer):
        clock.now = 60
        link.write(b"here")
        await link.closed.wait()

        with pytest.raises(ConnectionResetError):
            await reader.read()


async def test_over_udp_the_tracker_comes_back_from_another_port() -> None:
    clock, received = Clock(), asyncio.Queue[Message]()
    loop = asyncio.get_running_loop()
    transport, peer = await loop.create_datagram_endpoint(Peer, local_addr=("127.0.0.1", 0))
    address = transport.get_extra_info("sockname")
    link = UdpLink(received.put_nowait, Nat(FORGETS, clock), 2, address)
    try:
        link.write(b"one")
        _, before = await peer.arrived.get()
        clock.now = 60
        transport.sendto(COMMAND, before)
        link.write(b"two")
        _, after = await peer.arrived.get()
        transport.sendto(COMMAND, after)
        message = await received.get()
    finally:
        link.close()
        transport.close()

    assert after != before
    assert link.name == f"udp:{after[1]}"
    assert message.raw == COMMAND
    assert received.empty()


async def test_the_journal_tells_what_each_tracker_received_and_answered(tmp_path: Path) -> None:
    """A fleet of one, against a gateway that sends one command to whoever connects."""
    lines = await _journal_of(read_behaviour("twice"), tmp_path, lambda fleet: bool(fleet.trackers[0].commands))

    (command,) = [line for line in lines if line["kind"] == "command"]
    assert command["received"] == COMMAND.hex()
    assert command["manner"] == "twice"
    assert command["link"].startswith("tcp:")
    assert [answer["data"] for answer in command["answers"]] == [command["answers"][0]["data"]] * 2


async def test_a_tracker_that_dies_of_a_command_comes_back(tmp_path: Path) -> None:
    lines = await _journal_of(read_behaviour("dies"), tmp_path, lambda fleet: len(fleet.trackers[0].commands) > 1)

    first, second = [line for line in lines if line["kind"] == "command"][:2]
    assert first["link"] != second["link"]
    assert first["answers"] == second["answers"] == []


async def _journal_of(behaviour: Behaviour, folder: Path, done: Callable[[Fleet], bool]) -> list[dict[str, Any]]:
    stop = asyncio.Event()

    async def command(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(COMMAND)
        while not writer.is_closing() and await _reader.read(1000):
            if done(fleet):
                stop.set()
        writer.close()

    server = await asyncio.start_server(command, "127.0.0.1", 0)
    settings = FleetSettings(
        port=server.sockets[0].getsockname()[1],
        count=1,
        dialect="ascii",
        confirmed_share=0,
        interval_s=0.02,
        behaviours=(behaviour,),
    )
    fleet = Fleet(settings)
    async with asyncio.timeout(30):
        await fleet.run(stop)
    server.close()
    await server.wait_closed()
    journal = folder / "journal"
    write_journal(fleet, journal)
    return [json.loads(line) for line in journal.read_text().splitlines()]
