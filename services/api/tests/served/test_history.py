"""A device's history: chosen fields, and the way back from any page."""

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from fastapi.routing import iter_route_contexts
from pydantic import BaseModel

from vt600_api.positions.schemas import Position

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@pytest.fixture
async def track(device_id: str, add_row: "AddRow") -> str:
    """The address of the track of a device with ten reports, three to a second; every second one is late."""
    for number in range(10):
        seen = {"received_at": NOON, "dialect": "ascii", "kind": "position", "fix_valid": True, "late": number % 2 == 1}
        time = NOON + timedelta(seconds=number // 3)
        await add_row(
            "reports", device_id=device_id, device_time=time, frame_id=f"{number:032x}", satellites=number, **seen
        )
    return f"/v1/devices/{device_id}/positions"


@pytest.mark.parametrize("limit", [1, 2, 3, 4, 9])
async def test_from_the_end_of_any_page_the_way_leads_on_and_back(served: "Served", track: str, limit: int) -> None:
    client = await served.client()

    async def read(**query: Any) -> tuple[list[int], str | None]:
        page = (await client.get(track, params={"limit": limit, **query})).json()
        return [item["satellites"] for item in page["items"]], page["next_cursor"]

    for order, other in (("asc", "desc"), ("desc", "asc")):
        everything = list(range(10)) if order == "asc" else list(range(9, -1, -1))
        seen, cursor = await read(order=order)
        while cursor is not None:
            onwards, next_cursor = await read(order=order, cursor=cursor)
            back, _ = await read(order=other, cursor=cursor)

            assert onwards == everything[len(seen) : len(seen) + limit]
            assert back == everything[: len(seen) - 1][::-1][:limit]  # the last of the page is where we stand
            seen, cursor = seen + onwards, next_cursor
        assert seen == everything


async def test_only_the_fields_asked_for_are_answered_in_their_order(served: "Served", track: str) -> None:
    client = await served.client()

    async def read(**query: Any) -> dict[str, Any]:
        page: dict[str, Any] = (await client.get(track, params={"order": "asc", "limit": 4, **query})).json()
        return page

    page = await read(fields="satellites,device_time,satellites")
    second = await read(fields="satellites", cursor=page["next_cursor"], late=True)

    assert [list(item.items()) for item in page["items"][:1]] == [
        [("satellites", 0), ("device_time", "2026-05-04T12:00:00Z")]
    ]
    assert [item["satellites"] for item in page["items"]] == [0, 1, 2, 3]
    assert second == {"items": [{"satellites": 5}, {"satellites": 7}, {"satellites": 9}], "next_cursor": None}
    assert (await read(fields=",".join(Position.model_fields)))["items"] == (await read())["items"]
    assert (await read(fields="frame_id,flags"))["items"][1] == {"frame_id": f"{1:032x}", "flags": []}


async def test_an_unknown_field_is_named(served: "Served", track: str) -> None:
    client = await served.client()
    for fields, unknown in (
        ("speed", ["speed"]),
        ("", [""]),
        ("latitude,", [""]),
        ("metadata,late,a b", ["metadata", "a b"]),
    ):
        answer = await client.get(track, params={"fields": fields})

        assert (answer.status_code, answer.json()["code"]) == (422, "unknown_field")
        assert [entry["where"] for entry in answer.json()["errors"]] == ["query.fields"] * len(unknown)
        assert all(repr(name) in entry["message"] for name, entry in zip(unknown, answer.json()["errors"], strict=True))


async def test_every_example_is_what_its_model_says(served: "Served") -> None:
    seen = set()
    for context in iter_route_contexts(served.app.routes):
        model = getattr(context.original_route, "response_model", None)
        if not (isinstance(model, type) and issubclass(model, BaseModel)):
            continue
        for example in model.model_json_schema().get("examples", []):
            shown = model.model_validate_json(json.dumps(example), extra="forbid")

            assert shown.model_dump(mode="json") == example
            seen.add(model.__name__)
    assert seen >= {"AlarmPage", "Buckets", "Track", "Gaps", "Visits"}
