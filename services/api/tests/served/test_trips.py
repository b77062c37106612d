"""Trips and stops over HTTP, in pages."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
PLACES = {"start_latitude": 1.0, "start_longitude": 2.0, "end_latitude": 3.0, "end_longitude": 4.0}


@pytest.fixture
async def trips(device_id: str, add_row: "AddRow") -> str:
    """A device with five trips and a stop behind each; the last stop is open."""
    for number in range(5):
        start = NOON + timedelta(hours=number)
        shared = {
            "device_id": device_id,
            "frame_id": f"{number:032x}",
            "certain_at": start,
            "reports": 12,
            "driver": "card",
        }
        end = start + timedelta(minutes=20)
        row = {**shared, "started_at": start, "ended_at": end, "last_report_at": end, "idle_s": 30.0}
        await add_row("trips", **row, **PLACES, distance_m=9000.5, odometer_m=9100, top_speed_kmh=70.0)
        then = None if number == 4 else start + timedelta(hours=1)
        last = start + timedelta(minutes=50)
        await add_row(
            "stops", **shared, started_at=end, ended_at=then, last_report_at=last, latitude=3.0, longitude=4.0
        )
    return device_id


async def pages(served: "Served", path: str, **query: Any) -> list[dict[str, Any]]:
    """All items, page by page."""
    client = await served.client()
    items: list[dict[str, Any]] = []
    cursor: dict[str, str] = {}
    while True:
        answer = await client.get(path, params={**query, **cursor})
        assert answer.status_code == 200, answer.text
        page = answer.json()
        items += page["items"]
        if page["next_cursor"] is None:
            return items
        cursor = {"cursor": page["next_cursor"]}


async def test_a_trip_is_shown_whole(served: "Served", trips: str) -> None:
    (trip,) = await pages(served, f"/v1/devices/{trips}/trips", **{"from": "2026-05-04T16:00:00Z"})

    assert trip == {
        "device_id": trips, "started_at": "2026-05-04T16:00:00Z", "ended_at": "2026-05-04T16:20:00Z", "open": False,
        "last_report_at": "2026-05-04T16:20:00Z", "duration_s": 1200.0, "start": {"latitude": 1.0, "longitude": 2.0},
        "end": {"latitude": 3.0, "longitude": 4.0}, "distance_m": 9000.5, "odometer_m": 9100, "top_speed_kmh": 70.0,
        "idle_s": 30.0, "driver": "card", "reports": 12,
    }  # fmt: skip


async def test_an_open_stop_lasts_until_its_last_report(served: "Served", trips: str) -> None:
    (stop,) = await pages(served, f"/v1/devices/{trips}/stops", open=True)

    assert (stop["open"], stop["ended_at"], stop["duration_s"]) == (True, None, 1800.0)
    assert stop["place"] == {"latitude": 3.0, "longitude": 4.0}


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("path", ["/v1/devices/{}/trips", "/v1/devices/{}/stops", "/v1/trips?devices={}"])
async def test_pages_give_everything_once_and_in_order(served: "Served", trips: str, path: str, order: str) -> None:
    path, _, query = path.format(trips).partition("?")
    device = {} if not query else {"devices": trips}
    starts = [item["started_at"] for item in await pages(served, path, limit=2, order=order, **device)]

    assert len(starts) == 5
    assert starts == sorted(starts, reverse=order == "desc")


async def test_trips_of_a_span_are_those_that_began_in_it(served: "Served", trips: str) -> None:
    span = {"from": "2026-05-04T13:00:00Z", "to": "2026-05-04T15:00:00Z", "order": "asc"}
    found = await pages(served, f"/v1/devices/{trips}/trips", **span)

    assert [item["started_at"] for item in found] == ["2026-05-04T13:00:00Z", "2026-05-04T14:00:00Z"]


async def test_nobody_has_trips_without_a_device_or_a_key(served: "Served") -> None:
    client = await served.client()
    unknown = await client.get("/v1/devices/nobody/trips")
    nameless = await client.get("/v1/trips", headers={"Authorization": "Bearer wrong"})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "device_not_found")
    assert nameless.status_code == 401
