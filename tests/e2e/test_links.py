"""Links as people see them: through the whole gateway, with real trackers' sockets."""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets
from tests.gateway import Gateway, eventually

from vt600_protocol import encode_login

pytestmark = pytest.mark.servers


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, make_database: Callable[[], str]
) -> Iterator[Gateway]:
    """Two listeners, whose links are quiet after a second and closed after four."""
    folder: Path = tmp_path_factory.mktemp("links")
    gateway = Gateway(folder, kafka_servers=kafka_servers, database_url=make_database())
    gateway.listener_settings = {"LISTENER_QUIET_AFTER_S": "1", "LISTENER_BINARY_IDLE_TIMEOUT_S": "4"}
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


class Unit:
    """A tracker that says no more than its name."""

    def __init__(self, gateway: Gateway, device_id: str) -> None:
        self._gateway = gateway
        self.device_id = device_id
        self.writers: list[asyncio.StreamWriter] = []

    async def connect(self) -> asyncio.StreamReader:
        """A new TCP link over which it has logged in; those before stay as they are."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self._gateway.listener_port)
        writer.write(encode_login(self.device_id))
        await reader.read(1)
        self.writers.append(writer)
        return reader

    def send_datagram(self) -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            udp.sendto(encode_login(self.device_id), ("127.0.0.1", self._gateway.listener_port))

    async def link(self, client: httpx.AsyncClient) -> dict[str, Any]:
        """What REST says of its link."""
        answer = await client.get(f"/v1/devices/{self.device_id}")
        link: dict[str, Any] = answer.json().get("link", {})
        return link

    async def reaches(self, client: httpx.AsyncClient, state: str, cause: str | None = None) -> dict[str, Any]:
        """Its link once it is so."""
        return await eventually(
            lambda: self.link(client), lambda link: (link.get("state"), link.get("cause")) == (state, cause)
        )

    async def sessions(self, client: httpx.AsyncClient) -> list[dict[str, Any]]:
        """The newest first; none while nobody knows it."""
        answer = await client.get(f"/v1/devices/{self.device_id}/sessions")
        found: list[dict[str, Any]] = answer.json().get("items", [])
        return found


async def test_a_link_that_is_closed_by_request_is_closed_at_the_tracker(
    gateway: Gateway, make_unit: Callable[[str], Unit]
) -> None:
    unit = make_unit("14300000001")
    async with gateway.client() as client:
        reader = await unit.connect()
        opened = await unit.reaches(client, "online")
        answer = await client.post(f"/v1/devices/{unit.device_id}/disconnect")
        await reader.read()  # to its end
        await unit.reaches(client, "offline", "forced")
        again = await client.post(f"/v1/devices/{unit.device_id}/disconnect")
        await unit.connect()
        await unit.reaches(client, "online")

        assert (answer.status_code, answer.json()["session_id"]) == (202, opened["session_id"])
        assert (again.status_code, again.json()["code"]) == (409, "no_open_link")
        assert [session["cause"] for session in await unit.sessions(client)] == [None, "forced"]


@pytest.fixture
async def make_unit(gateway: Gateway) -> AsyncIterator[Callable[[str], Unit]]:
    """Makes trackers, whose links are gone after the test."""
    made: list[Unit] = []

    def make(device_id: str) -> Unit:
        made.append(Unit(gateway, device_id))
        return made[-1]

    yield make
    for unit in made:
        for writer in unit.writers:
            writer.close()


async def keep_alive(writer: asyncio.StreamWriter) -> None:
    """Heartbeats, for ever."""
    while True:
        writer.write(b"\x00")
        await asyncio.sleep(0.3)


@pytest.mark.parametrize("transport", ["tcp", "udp"])
async def test_a_device_is_online_then_quiet_then_offline_and_the_stream_says_so(
    gateway: Gateway, make_unit: Callable[[str], Unit], transport: str
) -> None:
    unit = make_unit({"tcp": "14300000002", "udp": "14300000003"}[transport])
    told = []
    async with (
        gateway.client() as client,
        websockets.connect(gateway.stream_url(f"devices={unit.device_id}&kinds=link_status")) as stream,
    ):
        await stream.recv()
        if transport == "tcp":
            await unit.connect()
        else:
            unit.send_datagram()
        async with asyncio.timeout(60):
            while "offline" not in told:
                told.append(json.loads(await stream.recv())["data"]["state"])
        last = await unit.reaches(client, "offline", "idle")
        session = (await unit.sessions(client))[0]

    assert told == ["online", "quiet", "offline"]
    assert last["transport"] == session["transport"] == transport
    assert session["opened_at"] <= session["quiet_since"] < session["closed_at"] == last["since"]


@pytest.fixture
def second_listener(gateway: Gateway) -> Iterator[None]:
    """Another one on the same port, for one test."""
    listener = gateway.add_listener()
    yield
    listener.stop()


@pytest.mark.usefixtures("second_listener")
async def test_a_device_that_moves_to_another_listener_is_online_whatever_becomes_of_its_older_links(
    gateway: Gateway, make_unit: Callable[[str], Unit]
) -> None:
    unit = make_unit("14300000004")
    listeners: set[str] = set()
    found: list[dict[str, Any]] = []
    async with gateway.client() as client, asyncio.TaskGroup() as tasks:
        keeping = tasks.create_task(asyncio.sleep(0))
        while len(listeners) < 2:  # the kernel chooses
            await unit.connect()
            keeping.cancel()
            keeping = tasks.create_task(keep_alive(unit.writers[-1]))
            count = len(unit.writers)
            found = await eventually(partial(unit.sessions, client), lambda sessions: len(sessions) == count)  # noqa: B023
            listeners.add(found[0]["listener_id"])
        for writer in unit.writers[:-1]:
            writer.close()
        sessions = await eventually(
            partial(unit.sessions, client), lambda sessions: all(session["closed_at"] for session in sessions[1:])
        )
        link = await unit.reaches(client, "online")
        keeping.cancel()

    assert link["session_id"] == sessions[0]["session_id"] == found[0]["session_id"]
    assert sessions[0]["closed_at"] is None


async def test_links_of_a_listener_that_was_killed_are_offline_until_their_devices_come_back(
    gateway: Gateway, make_unit: Callable[[str], Unit]
) -> None:
    unit = make_unit("14300000005")
    async with gateway.client() as client:
        await unit.connect()
        await unit.reaches(client, "online")
        await asyncio.to_thread(gateway.listener.kill)
        lost = await unit.reaches(client, "offline", "listener_lost")
        await asyncio.to_thread(gateway.listener.start)
        await unit.connect()
        await unit.reaches(client, "online")
        sessions = await unit.sessions(client)

    assert [session["cause"] for session in sessions] == [None, "listener_lost"]
    assert sessions[1]["closed_at"] == lost["since"]
