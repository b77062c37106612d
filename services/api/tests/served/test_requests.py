"""What is asked of the commander, and what happens when the bus does not take it."""

import asyncio
import dataclasses
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, get_args

import asyncpg
import pytest
from msgspec import Struct

from vt600_api.commands.schemas import CommandState
from vt600_bus import KafkaSettings, Publisher, PublisherFull, Topic
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS

if TYPE_CHECKING:
    from served.conftest import AddRow, Eventually, MakeKey, Serve, Served

pytestmark = pytest.mark.servers

WAITING = "SELECT max(pid) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
FINAL = {"acknowledged", "failed", "expired", "cancelled", "rejected"}


class Bus(Publisher):
    """Keeps the requests, and does with each what it was told to do; never connects."""

    healthy = True

    def __init__(self, settle: Callable[[asyncio.Future[None]], None]) -> None:
        super().__init__(KafkaSettings(), client_id="a-test")
        self.requests: list[CommandRequest] = []
        self._answer = settle

    def publish(
        self, topic: Topic[Any], key: str, record: Struct, traceparent: str | None = None
    ) -> asyncio.Future[None]:
        assert topic is COMMAND_REQUESTS
        assert traceparent is None
        assert isinstance(record, CommandRequest)
        assert key == record.device_id
        self.requests.append(record)
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._answer(future)
        return future


def take(future: asyncio.Future[None]) -> None:
    future.set_result(None)


def say_nothing(_future: asyncio.Future[None]) -> None:
    """As a broker that hangs."""


def fail(future: asyncio.Future[None]) -> None:
    future.set_exception(ConnectionError("closed before the broker held it"))


def be_full(_future: asyncio.Future[None]) -> None:
    raise PublisherFull("too much waits")


def on_bus(served: "Served", settle: Callable[[asyncio.Future[None]], None]) -> Bus:
    """Let the application publish to a bus that behaves so."""
    bus = Bus(settle)
    served.app.state.services = dataclasses.replace(served.app.state.services, publisher=bus)
    return bus


async def test_a_request_carries_all_that_the_commander_needs(served: "Served", device_id: str) -> None:
    bus = on_bus(served, take)
    client = await served.client()
    body = {"type": "set_output", "args": {"output": 2, "on": False}, "deadline_s": 90, "queue": "never"}
    command = (await client.post(f"/v1/devices/{device_id}/commands", json=body)).json()
    cancelled = await client.post(f"/v1/commands/{command['command_id']}/cancel")
    submit, cancel = bus.requests

    assert (submit.action, submit.type, submit.args, submit.queue) == ("submit", body["type"], body["args"], "never")
    assert submit.deadline_at is not None
    assert (submit.deadline_at - submit.requested_at).total_seconds() == 90
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "queued")
    assert (cancel.action, cancel.type) == ("cancel", None)
    for request in (submit, cancel):
        assert (request.command_id, request.device_id) == (command["command_id"], device_id)
        assert request.requested_by == "a test"


async def test_a_request_carries_how_many_outputs_the_device_takes(served: "Served", device_id: str) -> None:
    bus = on_bus(served, take)
    client = await served.client()
    body = {"type": "set_output", "args": {"output": 2, "on": False}}
    for settings in ({}, {"output_bytes": 1}):
        await client.patch(f"/v1/devices/{device_id}", json={"settings": settings})
        await client.post(f"/v1/devices/{device_id}/commands", json=body)

    assert [request.output_bytes for request in bus.requests] == [None, 1]


@pytest.mark.parametrize("settle", [say_nothing, fail, be_full])
async def test_what_the_bus_did_not_take_leaves_nothing_behind(
    serve: "Serve",
    device_id: str,
    store: asyncpg.Connection,
    add_row: "AddRow",
    settle: Callable[[asyncio.Future[None]], None],
) -> None:
    served = await serve(bus_timeout_s=0.05)
    bus = on_bus(served, settle)
    client = await served.client()
    answer = await client.post(f"/v1/devices/{device_id}/commands", json={"type": "identify"})
    request, *after = bus.requests

    assert (answer.status_code, answer.json()["code"]) == (503, "bus_unavailable")
    assert (request.command_id in answer.json()["detail"]) == (settle is say_nothing)  # it may still be carried out
    taken_back = [("cancel", request.command_id)] if settle is say_nothing else []
    assert [(entry.action, entry.command_id) for entry in after] == taken_back
    for table in ("commands", "command_transitions"):
        query = f"SELECT count(*) FROM fleet.{table} WHERE command_id = $1"  # noqa: S608 - names of ours
        assert await store.fetchval(query, request.command_id) == 0


@pytest.mark.parametrize("key", [None, "a key"])
async def test_what_the_store_lost_after_the_bus_took_it_is_taken_back_unless_it_can_be_repeated(
    served: "Served",
    device_id: str,
    store: asyncpg.Connection,
    store_url: str,
    eventually: "Eventually",
    key: str | None,
) -> None:
    bus = on_bus(served, take)
    client = await served.client()
    headers = {} if key is None else {"Idempotency-Key": key}
    ask = partial(client.post, f"/v1/devices/{device_id}/commands", json={"type": "identify"}, headers=headers)

    async def waiting() -> int | None:
        found: int | None = await store.fetchval(WAITING)
        return found

    locking = await asyncpg.connect(store_url)
    async with locking.transaction():
        await locking.execute("LOCK TABLE fleet.commands IN SHARE MODE")  # it can be read, and not be written
        asking = asyncio.create_task(ask())
        pid = await eventually(waiting, lambda pid: pid is not None)
        await store.execute("SELECT pg_terminate_backend($1)", pid)
        answer = await asking
    await locking.close()
    assert (answer.status_code, answer.json()["code"]) == (503, "database_unavailable")
    submitted = bus.requests[0].command_id
    assert [(entry.action, entry.command_id) for entry in bus.requests[1:]] == (
        [("cancel", submitted)] if key is None else []
    )

    again = await ask()
    assert (again.status_code, again.json()["command_id"] == submitted) == (202, key is not None)


async def test_only_what_has_not_ended_can_be_taken_back(
    served: "Served", device_id: str, store: asyncpg.Connection
) -> None:
    bus = on_bus(served, take)
    client = await served.client()
    path = f"/v1/devices/{device_id}/commands"
    command_id = (await client.post(path, json={"type": "identify"})).json()["command_id"]
    for state in get_args(CommandState):
        bus.requests.clear()
        await store.execute("UPDATE fleet.commands SET state = $1 WHERE command_id = $2", state, command_id)
        answer = await client.post(f"/v1/commands/{command_id}/cancel")

        code = "cancel_too_late" if state == "unknown" else "command_final" if state in FINAL else None
        assert (answer.status_code, len(bus.requests)) == ((202, 1) if code is None else (409, 0)), state
        assert answer.json().get("code") == code


async def test_cutting_the_engine_is_never_asked_for_by_who_may_not(
    served: "Served", device_id: str, make_key: "MakeKey"
) -> None:
    bus = on_bus(served, take)
    plain, trusted = await served.client(await make_key("send:commands")), await served.client()
    for name, args in (("set_immobiliser", {"engaged": True}), ("set_output", {"output": 1, "on": True})):
        body = {"type": name, "args": args, "override_reason": "nobody drives it"}
        refused = await plain.post(f"/v1/devices/{device_id}/commands", json=body)
        allowed = await trusted.post(f"/v1/devices/{device_id}/commands", json=body)

        assert (refused.status_code, refused.json()["code"]) == (403, "forbidden")
        assert "send:commands:dangerous" in refused.json()["detail"]
        assert allowed.status_code == 202
    assert len(bus.requests) == 2
