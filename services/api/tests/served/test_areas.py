"""Which devices were in an area."""

import uuid
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

if TYPE_CHECKING:
    from served.conftest import AddRow, Serve, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
SPAN = {"from": "2026-05-04T12:00:00Z", "to": "2026-05-04T13:00:00Z"}
# An L of three squares, with a hole in the middle of the first one; longitude first.
SHAPE: list[list[float]] = [[0, 0], [20, 0], [20, 10], [10, 10], [10, 20], [0, 20], [0, 0]]
HOLE: list[list[float]] = [[4, 4], [6, 4], [6, 6], [4, 6], [4, 4]]


def polygon(*rings: list[list[float]]) -> dict[str, Any]:
    return {"type": "Polygon", "coordinates": list(rings)}


@pytest.fixture
async def drive(add_row: "AddRow") -> Any:
    """Makes a device that reports a place (longitude, latitude) every minute from noon on; gives its identity."""

    async def drive(*places: tuple[float | None, float | None], fix_valid: bool = True) -> str:
        identity = f"d{uuid.uuid4().hex[:12]}"
        await add_row("devices", device_id=identity)
        for number, (longitude, latitude) in enumerate(places):
            time = NOON + timedelta(minutes=number)
            seen = {"received_at": time, "dialect": "ascii", "kind": "position", "fix_valid": fix_valid, "late": False}
            place = {"device_id": identity, "device_time": time, "frame_id": f"{number:032x}"}
            await add_row("reports", latitude=latitude, longitude=longitude, **place, **seen)
        return identity

    return drive


async def ask(served: "Served", devices: list[str] | None, **changes: Any) -> dict[str, tuple[str, str, int]]:
    """First and last minute and count of each device inside."""
    client = await served.client()
    body = {**SPAN, "polygon": polygon(SHAPE, HOLE), **({} if devices is None else {"devices": devices}), **changes}
    answer = await client.post("/v1/positions/area", json=body)
    assert answer.status_code == 200, answer.text
    return {
        item["device_id"]: (item["first_time"][14:16], item["last_time"][14:16], item["reports"])
        for item in answer.json()["items"]
    }


async def test_first_and_last_time_inside_are_told_for_each_device(served: "Served", drive: Any) -> None:
    through = await drive((-1, 5), (1, 5), (30, 5), (5, 15), (25, 25), (15, 5), (15, 15))
    beside = await drive((15, 15), (12, 11))  # within the box around it, not within the shape
    in_hole = await drive((5, 5), (5.5, 4.5))
    on_edge = await drive((10, 15), (0, 0))
    lost = await drive((1, 1), (None, None), fix_valid=False)
    nowhere = await drive((None, None))
    devices = [through, beside, in_hole, on_edge, lost, nowhere]

    assert await ask(served, devices) == {through: ("01", "05", 3), on_edge: ("00", "01", 2)}
    assert await ask(served, devices, polygon=polygon(SHAPE)) == {
        through: ("01", "05", 3),
        in_hole: ("00", "01", 2),
        on_edge: ("00", "01", 2),
    }
    assert await ask(served, devices, **{"from": "2026-05-04T12:02:00Z", "to": "2026-05-04T12:05:00Z"}) == {
        through: ("03", "03", 1)
    }
    assert await ask(served, [beside, "unknown"]) == {}
    assert set(await ask(served, None)) >= {through, on_edge}


async def test_corners_may_carry_an_altitude_and_turn_either_way(served: "Served", drive: Any) -> None:
    inside = await drive((15, 5))
    high = [[*corner, 12.5] for corner in SHAPE]

    assert set(await ask(served, [inside], polygon=polygon(high))) == {inside}
    assert set(await ask(served, [inside], polygon=polygon(SHAPE[::-1], HOLE[::-1]))) == {inside}


async def test_a_polygon_of_a_thousand_points_is_taken_and_one_more_is_not(served: "Served", drive: Any) -> None:
    inside = await drive((0.2, 0.5))
    client = await served.client()
    way = [[number / 998, 1.0] for number in range(998)]
    most = polygon([[0, 0], *way, [0, 0]])
    more = polygon([[0, 0], *way, [1, 0], [0, 0]])
    refused = await client.post("/v1/positions/area", json={**SPAN, "polygon": more})

    assert len(most["coordinates"][0]) == 1000
    assert set(await ask(served, [inside], polygon=most)) == {inside}
    assert (refused.status_code, refused.json()["code"]) == (422, "too_many_points")


async def test_a_question_for_an_area_that_is_wrong_has_a_code(served: "Served", device_id: str) -> None:
    client = await served.client()
    good = {**SPAN, "polygon": polygon(SHAPE), "devices": [device_id]}
    for change, code in (
        ({"polygon": polygon(SHAPE[:-1])}, "invalid_polygon"),
        ({"polygon": polygon([[0, 0], [1, 1], [0, 0]])}, "invalid_polygon"),
        ({"polygon": polygon(SHAPE, [])}, "invalid_polygon"),
        ({"polygon": polygon([[0, 0], [181, 0], [1, 1], [0, 0]])}, "invalid_polygon"),
        ({"polygon": polygon([[0, 0], [0, 91], [1, 1], [0, 0]])}, "invalid_polygon"),
        ({"polygon": polygon()}, "invalid_request"),
        ({"polygon": polygon([[0]])}, "invalid_request"),
        ({"polygon": {"type": "Point", "coordinates": [0, 0]}}, "invalid_request"),
        ({"polygon": polygon([["a", 0], [1, 0], [1, 1], [0, 0]])}, "invalid_request"),  # type: ignore[list-item]
        ({"devices": []}, "invalid_request"),
        ({"devices": ["a b"]}, "invalid_request"),
        ({"devices": ["1"] * 1001}, "invalid_request"),
        ({"to": SPAN["from"]}, "invalid_span"),
        ({"to": "2026-05-04T12:00:00"}, "invalid_request"),
        ({"also": 1}, "invalid_request"),
        ({"from": "0001-01-01T00:00:00Z", "to": "9999-12-31T00:00:00Z"}, "area_too_expensive"),
        ({"to": "2099-01-01T00:00:00Z"}, "area_too_expensive"),
    ):
        answer = await client.post("/v1/positions/area", json={**good, **change})

        assert (answer.status_code, answer.json()["code"]) == (422, code), change
    nan = '{"from": "2026-05-04T12:00:00Z", "to": "2026-05-04T13:00:00Z", "polygon": {"type": "Polygon", "coordinates": [[[NaN, 0]]]}}'
    answer = await client.post("/v1/positions/area", content=nan, headers={"content-type": "application/json"})
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid_request")


async def test_the_cost_is_that_of_all_devices_unless_some_are_named(
    served: "Served", drive: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vt600_api.areas.routes._MAX_DEVICE_DAYS", 2)
    devices = [await drive((15, 5)) for _ in range(3)]
    client = await served.client()
    everybody = await client.post("/v1/positions/area", json={**SPAN, "polygon": polygon(SHAPE)})

    assert everybody.json()["code"] == "area_too_expensive"
    assert set(await ask(served, devices[:2])) == set(devices[:2])


async def test_a_search_that_takes_too_long_is_ended_with_a_code(
    serve: "Serve", device_id: str, store: asyncpg.Connection
) -> None:
    served = await serve(query_timeout_s=0.05)
    client = await served.client()
    async with store.transaction():
        await store.execute("LOCK TABLE fleet.reports IN ACCESS EXCLUSIVE MODE")
        answer = await client.post(
            "/v1/positions/area", json={**SPAN, "polygon": polygon(SHAPE), "devices": [device_id]}
        )

    assert (answer.status_code, answer.json()["code"]) == (503, "query_timeout")
