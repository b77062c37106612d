"""One frame's way and one command's way, as a collector of traces sees them: every step, each with the one before as its parent."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import websockets
from tests.e2e.collector import Collector, Span, collecting, make_gateway, one_tracker
from tests.gateway import Gateway, eventually

pytestmark = pytest.mark.servers

FRAME = ["vt600-listener frame.accept", "vt600-ingest frame.store", "vt600-api stream.send"]
DELIVERED = [
    "vt600-api command.request",
    "vt600-commander command.queue",
    "vt600-commander command.dispatch",
    "vt600-listener command.deliver written",
]


@pytest.fixture(scope="module")
def collector() -> Iterator[Collector]:
    with collecting() as collector:
        yield collector


@pytest.fixture(scope="module")
def traced(
    collector: Collector, tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, make_database: Callable[[], str]
) -> Iterator[Gateway]:
    """A gateway that traces everything."""
    gateway = make_gateway(collector.port, tmp_path_factory.mktemp("traced"), kafka_servers, make_database())
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()


async def next_message(stream: Any, kind: str, **wanted: object) -> dict[str, Any]:
    """The next message of a kind whose data are as wanted."""
    async with asyncio.timeout(30):
        while True:
            message = json.loads(await stream.recv())
            data: dict[str, Any] = message.get("data") or {}
            if message["type"] == kind and data.items() >= wanted.items():
                return data


async def span_of(collector: Collector, name: str, **facts: object) -> Span:
    """The one span of a name that has the facts, once it is there."""

    async def look() -> list[Span]:
        return [span for span in collector.spans if span.name == name and span.facts.items() >= facts.items()]

    (span,) = await eventually(look, bool)
    return span


async def all_seen(collector: Collector, trace_id: str, name: str, paths: list[list[str]]) -> None:
    """Wait until the spans of a name have come, and all that was before them: these are the ways there, each taken once."""

    async def look() -> list[list[str]]:
        ends = [span for span in collector.spans if span.trace_id == trace_id and span.name == name]
        return sorted(collector.path(span) for span in ends)

    await eventually(look, sorted(paths))


async def test_a_frame_is_followed_from_its_socket_to_the_stream(traced: Gateway, collector: Collector) -> None:
    async with one_tracker(traced, 1) as device_id, websockets.connect(traced.stream_url("kinds=position")) as stream:
        seen = await next_message(stream, "position", device_id=device_id)
    accepted = await span_of(collector, "frame.accept", frame_id=seen["frame_id"])
    await all_seen(collector, accepted.trace_id, "stream.send", [FRAME])

    assert accepted.parent_id == ""
    trace = collector.trace(accepted.trace_id)
    assert set(trace) == {"frame.accept", "frame.store", "stream.send"}
    ids = {"device_id": device_id, "frame_id": seen["frame_id"]}
    assert all(trace[name].facts.items() >= ids.items() for name in ("frame.accept", "frame.store"))
    assert trace["frame.accept"].facts["session_id"] == trace["frame.store"].facts["session_id"]
    assert all(span.began <= span.ended for span in trace.values())


async def test_a_command_is_followed_there_and_back(traced: Gateway, collector: Collector) -> None:
    async with (
        traced.client() as client,
        one_tracker(traced, 2) as device_id,
        websockets.connect(traced.stream_url(f"devices={device_id}")) as stream,
    ):
        await next_message(stream, "position")
        answer = await client.post(f"/v1/devices/{device_id}/commands", json={"type": "identify"})
        command_id = answer.json()["command_id"]
        await next_message(stream, "command_status", command_id=command_id, state="acknowledged")
    request = await span_of(collector, "command.request", command_id=command_id)

    seen = [
        [*before, f"vt600-commander command.state {state}"]
        for before, state in (
            (DELIVERED[:2], "queued"),
            (DELIVERED[:2], "dispatched"),
            ([*DELIVERED, "vt600-commander command.settle"], "written"),
            ([*DELIVERED, "vt600-listener command.reply", "vt600-commander command.settle"], "acknowledged"),
        )
    ]
    await all_seen(collector, request.trace_id, "stream.send", [[*path, "vt600-api stream.send"] for path in seen])
    await all_seen(
        collector, request.trace_id, "command.store", [[*path, "vt600-ingest command.store"] for path in seen]
    )
    trace = collector.trace(request.trace_id)

    assert request.parent_id == ""
    ids = {"command_id": command_id, "attempt": 1, "device_id": device_id}
    assert all(trace[name].facts.items() >= ids.items() for name in ("command.dispatch", "command.deliver written"))


async def test_a_command_goes_on_with_its_caller_s_trace_or_is_not_traced_if_that_is_not(
    traced: Gateway, collector: Collector
) -> None:
    trace_id, span_id = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
    made = {}
    async with traced.client() as client:
        await client.post("/v1/devices", json={"device_id": "77"})
        for flags in ("00", "01"):
            headers = {"traceparent": f"00-{trace_id}-{span_id}-{flags}"}
            answer = await client.post("/v1/devices/77/commands", json={"type": "identify"}, headers=headers)
            made[flags] = answer.json()["command_id"]
    request = await span_of(collector, "command.request", command_id=made["01"])

    assert (request.trace_id, request.parent_id) == (trace_id, span_id)
    assert not [span for span in collector.spans if span.facts.get("command_id") == made["00"]]
