"""The live stream: who gets in, what is sent, what a client may say."""

import asyncio
import json
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest
import websockets

from vt600_api.live.hub import Kind, LiveMessage
from vt600_bus import KafkaSettings, Publisher
from vt600_bus.records import CampaignProgress, CommandStatus, Report
from vt600_bus.topics import CAMPAIGNS, COMMAND_STATUSES, REPORTS

if TYPE_CHECKING:
    from served.conftest import Eventually, MakeKey, Serve, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def message(device_id: str, kind: Kind = "position") -> LiveMessage:
    return LiveMessage(kind, device_id, json.dumps({"type": kind, "data": {"device_id": device_id}}))


async def next_of(stream: websockets.ClientConnection) -> Any:
    """The next message."""
    async with asyncio.timeout(20):
        return json.loads(await stream.recv())


async def heard(stream: websockets.ClientConnection) -> tuple[str, str]:
    """Kind and device of the next message that is about a device."""
    found = await next_of(stream)
    return found["type"], found["data"]["device_id"]


async def closed(stream: websockets.ClientConnection) -> int | None:
    async with asyncio.timeout(20):
        await stream.wait_closed()
    return stream.close_code


async def settled(stream: websockets.ClientConnection) -> None:
    """Wait until everything that was said before is heeded: an answer to nonsense comes after it."""
    await stream.send("settled?")
    assert (await next_of(stream))["type"] == "error"


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [("position", "1"), ("alarm", "2"), ("command_status", "1"), ("position", "2")]),
        ("devices=2", [("alarm", "2"), ("position", "2")]),
        ("devices=1,2&kinds=position", [("position", "1"), ("position", "2")]),
        ("kinds=alarm,command_status", [("alarm", "2"), ("command_status", "1")]),
    ],
)
async def test_the_address_says_what_is_wanted(served: "Served", query: str, expected: list[tuple[str, str]]) -> None:
    async with served.stream(query) as stream:
        assert await next_of(stream) == {"type": "hello", "heartbeat_s": 15.0}
        served.hub.publish([message("1"), message("2", "alarm"), message("1", "command_status"), message("2")])

        assert [await heard(stream) for _ in expected] == expected


async def test_a_client_can_ask_for_something_else_later(served: "Served") -> None:
    async with served.stream("devices=1") as stream:
        await next_of(stream)
        await stream.send(json.dumps({"type": "subscribe", "devices": ["2"], "kinds": ["alarm"]}))
        await settled(stream)
        served.hub.publish([message("1"), message("2"), message("2", "alarm")])
        assert await heard(stream) == ("alarm", "2")
        await stream.send(json.dumps({"type": "subscribe"}).encode())
        await settled(stream)
        served.hub.publish([message("1")])

        assert await heard(stream) == ("position", "1")


@pytest.mark.parametrize(
    "said",
    [
        "",
        "{",
        "[]",
        "null",
        '{"type":"dance"}',
        '{"type":"subscribe","kinds":["smell"]}',
        '{"type":"subscribe","devices":"1"}',
        '{"type":"subscribe","also":1}',
        b"\xff\xfe",
        "[" * 30_000,
    ],
)
async def test_what_makes_no_sense_is_answered_and_changes_nothing(served: "Served", said: str | bytes) -> None:
    async with served.stream("devices=1") as stream:
        await next_of(stream)
        await stream.send(said)
        answer = await next_of(stream)
        served.hub.publish([message("2"), message("1")])

        assert (answer["type"], answer["code"]) == ("error", "invalid_message")
        assert await heard(stream) == ("position", "1")


async def test_silence_is_broken_by_heartbeats(serve: "Serve") -> None:
    served = await serve(stream_heartbeat_s=0.05)
    async with served.stream() as stream:
        assert (await next_of(stream))["heartbeat_s"] == 0.05
        assert [await next_of(stream) for _ in range(3)] == [{"type": "heartbeat"}] * 3


@pytest.mark.parametrize(
    ("scopes", "query", "code"),
    [
        ((), "", 4403),
        (("read:raw", "send:commands", "write:devices"), "", 4403),
        (("read:positions",), "kinds=smell", 4400),
    ],
)
async def test_who_may_not_is_sent_away(
    served: "Served", make_key: "MakeKey", scopes: tuple[str, ...], query: str, code: int
) -> None:
    async with served.stream(query, key=await make_key(*scopes)) as stream:
        assert await closed(stream) == code
        assert not served.hub.clients


async def test_an_unknown_key_is_sent_away(served: "Served") -> None:
    async with served.stream(key="vt600_unknown") as stream:
        assert await closed(stream) == 4401


async def test_the_key_may_come_in_a_header(served: "Served", make_key: "MakeKey") -> None:
    headers = {"Authorization": f"Bearer {await make_key('read:positions')}"}
    async with websockets.connect(f"ws://127.0.0.1:{served.port}/v1/stream", additional_headers=headers) as stream:
        assert (await next_of(stream))["type"] == "hello"


async def test_the_key_may_come_as_a_protocol_as_browsers_can(served: "Served", make_key: "MakeKey") -> None:
    offered = [websockets.Subprotocol(name) for name in ("vt600.v1", f"vt600.key.{await make_key('read:positions')}")]
    async with websockets.connect(f"ws://127.0.0.1:{served.port}/v1/stream", subprotocols=offered) as stream:
        assert (await next_of(stream))["type"] == "hello"
        assert stream.subprotocol == "vt600.v1"  # the key is not repeated


async def test_a_revoked_key_ends_the_stream_that_it_opened(
    serve: "Serve", make_key: "MakeKey", store: asyncpg.Connection
) -> None:
    served = await serve(stream_heartbeat_s=0.05)
    async with served.stream(key=await make_key("read:positions")) as stream:
        await next_of(stream)
        await store.execute("UPDATE fleet.api_keys SET revoked_at = now()")

        assert await closed(stream) == 4401
        assert not served.hub.clients


async def test_a_stream_is_refused_while_the_database_is_away(serve: "Serve") -> None:
    served = await serve(database_url="postgresql://nobody:x@127.0.0.1:1/none")
    async with served.stream() as stream:
        assert await closed(stream) == 4503


async def test_a_client_that_left_is_forgotten(served: "Served", eventually: "Eventually") -> None:
    async with served.stream() as stream:
        await next_of(stream)
        assert len(served.hub.clients) == 1

    async def clients() -> int:
        return len(served.hub.clients)

    assert await eventually(clients, lambda count: count == 0) == 0


async def test_what_kafka_gets_the_stream_shows(served: "Served", kafka_servers: str, eventually: "Eventually") -> None:
    device_id, command_id = f"t{uuid.uuid4().hex[:12]}", str(uuid.uuid4())
    report = Report(
        kind="alarm", event="sos", device_id=device_id, frame_id="0" * 32, dialect="ascii", received_at=NOON,
        device_time=NOON, latitude=22.5, longitude=114.1, late=False,
    )  # fmt: skip
    status = CommandStatus(
        command_id=command_id, revision=2, device_id=device_id, type="identify", state="written", at=NOON,
        requested_at=NOON, requested_by="a test", deadline_at=NOON, written=b"@@",
    )  # fmt: skip
    await eventually(ready_of(served), lambda status: status == 200)
    async with served.stream(f"devices={device_id}") as stream:
        await next_of(stream)
        async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="a-test") as publisher:
            publisher.publish(REPORTS, device_id, report)
            assert await publisher.flush(20)
            publisher.publish(COMMAND_STATUSES, device_id, status)
            assert await publisher.flush(20)
        seen = {message["type"]: message for message in [await next_of(stream), await next_of(stream)]}

    alarm, change = seen["alarm"], seen["command_status"]  # two topics: one may overtake the other
    assert (alarm["data"]["event"], alarm["data"]["latitude"]) == ("sos", 22.5)
    assert alarm["cursor"].startswith("vt600.reports.v1-")
    assert change["data"]["command_id"] == command_id
    assert change["cursor"].startswith("vt600.command-statuses.v1-")


async def test_progress_of_a_campaign_is_for_those_who_want_all_devices(
    served: "Served", kafka_servers: str, eventually: "Eventually"
) -> None:
    progress = CampaignProgress(
        campaign_id=str(uuid.uuid4()), state="running", at=NOON, waiting=3, refused=0, commands={"queued": 2}
    )
    await eventually(ready_of(served), lambda status: status == 200)
    async with served.stream("kinds=campaign") as stream, served.stream("kinds=campaign&devices=1") as other:
        await next_of(stream)
        await next_of(other)
        async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="a-test") as publisher:
            publisher.publish(CAMPAIGNS, progress.campaign_id, progress)
            assert await publisher.flush(20)
        told = await next_of(stream)
        await settled(other)

    assert (told["type"], told["data"]["campaign_id"], told["data"]["waiting"]) == ("campaign", progress.campaign_id, 3)
    assert told["cursor"].startswith("vt600.campaigns.v1-")


def ready_of(served: "Served") -> Callable[[], Any]:
    async def status() -> int:
        async with httpx.AsyncClient() as client:
            return (await client.get(f"{served.probes_url}/health/ready")).status_code

    return status
