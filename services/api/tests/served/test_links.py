"""Who can be reached, who was connected when, and how a link is closed."""

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from vt600_bus import Follower, KafkaSettings, Publisher, decode
from vt600_bus.records import Downlink, LinkStatus
from vt600_bus.topics import DOWNLINKS, LINK_STATUSES

if TYPE_CHECKING:
    from served.conftest import AddRow, Eventually, MakeKey, Serve, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LINK: dict[str, Any] = {
    "session_id": "s1", "generation": 1, "listener_id": "l1", "opened_at": NOON, "transport": "tcp", "peer": "192.0.2.7:1",
}  # fmt: skip


def status(device_id: str, **changes: Any) -> dict[str, Any]:
    return {"device_id": device_id, "state": "online", "since": NOON, **LINK, **changes}


async def add_session(add_row: "AddRow", device_id: str, number: int, **changes: Any) -> None:
    """A link that was opened some minutes after noon and reset a minute later."""
    opened = NOON + timedelta(minutes=number)
    ended = opened + timedelta(minutes=1)
    values: dict[str, Any] = {"state": "closed", "cause": "reset", "closed_at": ended, "changed_at": ended} | changes
    await add_row(
        "device_sessions",
        device_id=device_id,
        generation=2**60 + number,
        session_id=f"s{number}",
        listener_id="l1",
        dialect="binary",
        transport="tcp",
        peer="192.0.2.7:1",
        opened_at=opened,
        **values,
    )


async def test_a_device_says_whether_it_can_be_reached_since_when_and_why_not(
    served: "Served", device_id: str, add_row: "AddRow"
) -> None:
    client = await served.client()
    never = (await client.get(f"/v1/devices/{device_id}")).json()["link"]
    await add_row("device_links", **status(device_id, state="offline", cause="listener_lost"))
    lost = (await client.get(f"/v1/devices/{device_id}")).json()["link"]

    assert never["state"] == "offline"
    assert {value for name, value in never.items() if name != "state"} == {None}
    assert lost == {
        "state": "offline",
        "since": "2026-05-04T12:00:00Z",
        "cause": "listener_lost",
        "session_id": "s1",
        "listener_id": "l1",
        "opened_at": "2026-05-04T12:00:00Z",
        "transport": "tcp",
        "peer": "192.0.2.7:1",
    }


async def test_devices_are_listed_by_the_state_of_their_links(
    served: "Served", device_id: str, add_row: "AddRow"
) -> None:
    client = await served.client()
    for state in ("online", "quiet", "offline"):
        await add_row("devices", device_id=f"{device_id}{state}")
        await add_row("device_links", **status(f"{device_id}{state}", state=state))
    found = {}
    for wanted in ("online", "quiet", "offline"):
        answer = await client.get("/v1/devices", params={"q": device_id, "link": wanted})
        found[wanted] = [(item["device_id"], item["link"]["state"]) for item in answer.json()["items"]]
    wrong = await client.get("/v1/devices", params={"link": "asleep"})

    assert found == {
        "online": [(f"{device_id}online", "online")],
        "quiet": [(f"{device_id}quiet", "quiet")],
        "offline": [(device_id, "offline"), (f"{device_id}offline", "offline")],
    }
    assert wrong.status_code == 422


@pytest.mark.parametrize("order", ["asc", "desc"])
async def test_links_are_read_page_by_page(served: "Served", device_id: str, add_row: "AddRow", order: str) -> None:
    for number in range(5):
        await add_session(add_row, device_id, number)
    client = await served.client()
    query: dict[str, Any] = {"order": order, "limit": 2}
    found = []
    while True:
        page = (await client.get(f"/v1/devices/{device_id}/sessions", params=query)).json()
        found += [item["session_id"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]

    expected = [f"s{number}" for number in range(5)]
    assert found == (expected if order == "asc" else expected[::-1])


async def test_links_of_a_span_are_those_that_were_opened_in_it(
    served: "Served", device_id: str, add_row: "AddRow"
) -> None:
    for number in range(4):
        await add_session(add_row, device_id, number)
    await add_session(add_row, device_id, 9, state="open", cause=None, closed_at=None)
    client = await served.client()
    span = {"from": "2026-05-04T12:01:00Z", "to": "2026-05-04T12:03:00Z"}
    path = f"/v1/devices/{device_id}/sessions"
    items = (await client.get(path, params=span)).json()["items"]
    newest = (await client.get(path, params={"limit": 1})).json()["items"][0]
    turned = await client.get(path, params={"from": span["to"], "to": span["from"]})
    nonsense = [(await client.get(path, params={"cursor": cursor})).json()["code"] for cursor in ("x", "WyJ4IiwieCJd")]

    assert [item["session_id"] for item in items] == ["s2", "s1"]
    assert (newest["session_id"], newest["closed_at"], newest["cause"]) == ("s9", None, None)
    assert items[0] == {
        "session_id": "s2",
        "opened_at": "2026-05-04T12:02:00Z",
        "closed_at": "2026-05-04T12:03:00Z",
        "cause": "reset",
        "quiet_since": None,
        "listener_id": "l1",
        "dialect": "binary",
        "transport": "tcp",
        "peer": "192.0.2.7:1",
    }
    assert turned.status_code == 422
    assert nonsense == ["invalid_cursor"] * 2
    assert (await client.get("/v1/devices/nobody/sessions")).json()["code"] == "device_not_found"


@pytest.mark.parametrize("state", ["online", "quiet"])
async def test_a_link_is_closed_by_asking_the_listener_that_holds_it(
    served: "Served", device_id: str, add_row: "AddRow", kafka_servers: str, make_key: "MakeKey", state: str
) -> None:
    await add_row("device_links", **status(device_id, state=state))
    client = await served.client(await make_key("send:commands"))
    async with Follower(
        KafkaSettings(bootstrap_servers=kafka_servers), [DOWNLINKS], client_id="test", start="beginning"
    ) as follower:
        answer = await client.post(f"/v1/devices/{device_id}/disconnect")
        asked: list[Downlink] = []
        async with asyncio.timeout(30):
            while not asked:
                found = [decode(Downlink, delivery.value) for delivery in await follower.next_batch()]
                asked = [record for record in found if record.device_id == device_id]

    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/devices/{device_id}/sessions"
    assert answer.json() == {
        "device_id": device_id, "session_id": "s1", "listener_id": "l1", "opened_at": "2026-05-04T12:00:00Z",
    }  # fmt: skip
    assert [(each.action, each.listener_id, each.session_id, each.generation) for each in asked] == [
        ("close", "l1", "s1", 1)
    ]


async def test_what_has_no_open_link_cannot_be_closed(served: "Served", device_id: str, add_row: "AddRow") -> None:
    client = await served.client()
    never = await client.post(f"/v1/devices/{device_id}/disconnect")
    await add_row("device_links", **status(device_id, state="offline", cause="idle"))
    gone = await client.post(f"/v1/devices/{device_id}/disconnect")
    nobody = await client.post("/v1/devices/nobody/disconnect")

    assert [(answer.status_code, answer.json()["code"]) for answer in (never, gone, nobody)] == [
        (409, "no_open_link"),
        (409, "no_open_link"),
        (404, "device_not_found"),
    ]


async def test_a_link_is_not_closed_while_the_bus_is_away(serve: "Serve", device_id: str, add_row: "AddRow") -> None:
    served = await serve(kafka="127.0.0.1:1", bus_timeout_s=0.2)
    await add_row("device_links", **status(device_id))
    answer = await (await served.client()).post(f"/v1/devices/{device_id}/disconnect")

    assert (answer.status_code, answer.json()["code"]) == (503, "bus_unavailable")


async def test_changes_are_on_the_stream(
    served: "Served", device_id: str, kafka_servers: str, eventually: "Eventually"
) -> None:
    client = await served.client()

    async def ready() -> bool:
        return (await client.get(f"{served.probes_url}/health/ready")).status_code == 200

    await eventually(ready, bool)
    record = LinkStatus(**status(device_id, state="quiet"))
    async with (
        served.stream(f"devices={device_id}&kinds=link_status") as stream,
        Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="test") as publisher,
    ):
        await stream.recv()
        await publisher.publish(LINK_STATUSES, device_id, record)
        async with asyncio.timeout(20):
            message = json.loads(await stream.recv())

    assert message["type"] == "link_status"
    assert message["cursor"].startswith("vt600.link-statuses.v1-")
    assert (message["data"]["device_id"], message["data"]["state"], message["data"]["since"]) == (
        device_id, "quiet", "2026-05-04T12:00:00Z",
    )  # fmt: skip
