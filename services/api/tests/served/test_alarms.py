"""Alarms of one device and of the fleet, from indexes that hold nothing else."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
EVENTS = ("sos", "power_cut", "battery_low")


@pytest.fixture
async def vans(add_row: "AddRow") -> list[str]:
    """Three devices; each has nine alarms, three to a second, the same seconds for all, and positions between them."""
    made = [f"a{uuid.uuid4().hex[:12]}" for _ in range(3)]
    for van in made:
        await add_row("devices", device_id=van)
        for number in range(18):
            kind = "alarm" if number % 2 == 0 else "position"
            seen = {"received_at": NOON, "dialect": "ascii", "kind": kind, "fix_valid": False, "late": False}
            event = EVENTS[number // 2 % 3] if kind == "alarm" else None
            time = NOON + timedelta(seconds=number // 6)
            await add_row(
                "reports",
                device_id=van,
                device_time=time,
                frame_id=f"{number:032x}",
                event=event,
                event_code=number,
                **seen,
            )
    return made


async def pages(client: httpx.AsyncClient, path: str, query: dict[str, Any]) -> list[dict[str, Any]]:
    """All pages, one after the other; each but the last is full."""
    found: list[dict[str, Any]] = []
    while True:
        answer = await client.get(path, params=query)
        assert answer.status_code == 200, answer.text
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        assert len(page["items"]) == query["limit"]
        query = {**query, "cursor": page["next_cursor"]}


def numbers(items: list[dict[str, Any]]) -> list[int]:
    return [item["event_code"] for item in items]


@pytest.mark.parametrize("limit", [1, 2, 3, 9, 26, 27, 100])
async def test_pages_of_alarms_hold_each_once_in_both_directions(served: "Served", vans: list[str], limit: int) -> None:
    client = await served.client()
    ordered = [(number // 6, van, number) for van in vans for number in range(0, 18, 2)]
    for order in ("asc", "desc"):
        asked = {"limit": limit, "order": order, "devices": ",".join(vans)}
        fleet = await pages(client, "/v1/alarms", asked)
        one = await pages(client, f"/v1/devices/{vans[1]}/alarms", {"limit": limit, "order": order})
        way = -1 if order == "desc" else 1

        assert [(item["device_id"], item["event_code"]) for item in fleet] == [
            (van, number) for _, van, number in sorted(ordered)[::way]
        ]
        assert numbers(one) == list(range(0, 18, 2))[::way]
        assert {item["kind"] for item in fleet + one} == {"alarm"}


async def test_alarms_are_narrowed_by_event_device_and_span(served: "Served", vans: list[str]) -> None:
    client = await served.client()
    second = (NOON + timedelta(seconds=1)).isoformat()
    one, all_of = f"/v1/devices/{vans[0]}/alarms", {"devices": ",".join(vans), "order": "asc", "limit": 2}

    async def found(path: str, **query: Any) -> list[int]:
        return numbers(await pages(client, path, {"limit": 2, "order": "asc", **query}))

    assert await found(one, event="sos") == [0, 6, 12]
    assert await found(one, event="sos,battery_low") == [0, 4, 6, 10, 12, 16]
    assert await found(one, event="fence_left") == []
    assert await found(one, **{"from": second}) == [6, 8, 10, 12, 14, 16]
    assert await found(one, to=second) == [0, 2, 4]
    assert await found("/v1/alarms", **all_of, event="power_cut", to=second) == [2, 2, 2]
    assert await found("/v1/alarms", devices=vans[2], event="power_cut") == [2, 8, 14]
    assert set(vans) <= {
        item["device_id"] for item in await pages(client, "/v1/alarms", {"limit": 1000, "from": NOON.isoformat()})
    }


async def test_a_question_for_alarms_that_is_wrong_has_a_code(served: "Served", vans: list[str]) -> None:
    client = await served.client()
    track = (await client.get(f"/v1/devices/{vans[0]}/positions", params={"limit": 1})).json()["next_cursor"]
    for path, query, status, code in (
        ("/v1/alarms", {"event": "S O S"}, 422, "invalid_request"),
        ("/v1/alarms", {"event": "sos,"}, 422, "invalid_request"),
        ("/v1/alarms", {"devices": "," * 1000}, 422, "too_many_devices"),
        ("/v1/alarms", {"cursor": track}, 422, "invalid_cursor"),
        ("/v1/alarms", {"cursor": "nonsense"}, 422, "invalid_cursor"),
        ("/v1/alarms", {"from": NOON.isoformat(), "to": NOON.isoformat()}, 422, "invalid_span"),
        ("/v1/devices/none/alarms", {}, 404, "device_not_found"),
    ):
        answer = await client.get(path, params=query)

        assert (answer.status_code, answer.json()["code"]) == (status, code), query


@pytest.mark.parametrize("narrowed", ["", "AND event IN ('sos')", "AND device_id = 'x'"])
async def test_alarms_are_read_from_their_own_index(store: asyncpg.Connection, narrowed: str) -> None:
    await store.execute("SET enable_seqscan = off; SET enable_sort = off; SET enable_bitmapscan = off")
    by = "device_time, frame_id" if "device_id" in narrowed else "device_time, device_id, frame_id"
    plan = await store.fetch(
        f"EXPLAIN SELECT * FROM fleet.reports WHERE kind = 'alarm' {narrowed} ORDER BY {by} LIMIT 100"  # noqa: S608
    )
    text = "\n".join(row[0] for row in plan)

    assert "alarms_by_device" in text if "device_id" in narrowed else "alarms_by_time" in text
    assert "Sort" not in text
