"""Hours and days over HTTP, in pages."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from served.conftest import AddRow, Served

pytestmark = pytest.mark.servers

DAY = datetime(2026, 5, 4, tzinfo=UTC)
VALUES = {
    "distance_m": 9000.5, "moving_s": 700.0, "idle_s": 60.0, "ignition_s": 800.0, "top_speed_kmh": 70.0, "mean_speed_kmh": 46.0,
    "reports": 30, "alarms": 1,
}  # fmt: skip
FIRST = {"latitude": 1.0, "longitude": 2.0}


@pytest.fixture
async def summaries(device_id: str, add_row: "AddRow") -> str:
    """A device with five hours of one day and five days."""
    for number in range(5):
        shared = {"device_id": device_id, **VALUES, "first_latitude": 1.0, "first_longitude": 2.0}
        hour, day = DAY + timedelta(hours=number), DAY + timedelta(days=number)
        await add_row("device_hours", start=hour, source_at=hour, first_time=hour, **shared)
        await add_row("device_days", start=day, first_time=day, **shared)
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


@pytest.mark.parametrize(("every", "end"), [("hour", "2026-05-04T01:00:00Z"), ("day", "2026-05-05T00:00:00Z")])
async def test_a_summary_is_shown_whole(served: "Served", summaries: str, every: str, end: str) -> None:
    span = {"from": "2026-05-04T00:00:00Z", "to": end}
    (one,) = await pages(served, f"/v1/devices/{summaries}/summaries", every=every, **span)

    assert one == {
        "device_id": summaries, "start": "2026-05-04T00:00:00Z", "end": end, **VALUES,
        "first": {"time": "2026-05-04T00:00:00Z", **FIRST}, "last": None,
    }  # fmt: skip


@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("every", ["hour", "day"])
@pytest.mark.parametrize("path", ["/v1/devices/{}/summaries", "/v1/summaries?devices={}"])
async def test_pages_give_everything_once_and_in_order(
    served: "Served", summaries: str, path: str, every: str, order: str
) -> None:
    path, _, query = path.format(summaries).partition("?")
    device = {} if not query else {"devices": summaries}
    starts = [item["start"] for item in await pages(served, path, every=every, limit=2, order=order, **device)]

    assert len(starts) == 5
    assert starts == sorted(starts, reverse=order == "desc")


async def test_a_day_of_the_fleet_is_one_row_for_each_device(served: "Served", add_row: "AddRow") -> None:
    start = datetime(2031, 1, 1, tzinfo=UTC)
    devices = [f"fleet{number}" for number in range(7)]
    for device in devices:
        await add_row("device_days", device_id=device, start=start, reports=1, alarms=0)
    span = {"from": "2031-01-01T00:00:00Z", "to": "2031-01-02T00:00:00Z"}
    found = await pages(served, "/v1/summaries", every="day", order="asc", limit=3, **span)
    some = await pages(served, "/v1/summaries", every="day", devices="fleet2,fleet5", limit=1, **span)

    assert [item["device_id"] for item in found] == devices
    assert [item["device_id"] for item in some] == ["fleet5", "fleet2"]


async def test_nobody_has_summaries_without_a_device_or_of_other_steps(served: "Served", device_id: str) -> None:
    client = await served.client()
    unknown = await client.get("/v1/devices/nobody/summaries")
    week = await client.get(f"/v1/devices/{device_id}/summaries", params={"every": "week"})

    assert (unknown.status_code, unknown.json()["code"]) == (404, "device_not_found")
    assert week.status_code == 422
