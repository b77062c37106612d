"""Tracks as a whole: buckets and shapes, and what no question about a track may cost."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import asyncpg
import httpx
import pytest

if TYPE_CHECKING:
    from served.conftest import Report, Serve, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DAY = {"from": "2026-05-04T00:00:00Z", "to": "2026-05-05T00:00:00Z"}


def clock(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json().get("code", "")


async def test_buckets_say_what_happened_in_each_step(served: "Served", device_id: str, report: "Report") -> None:
    await report(-1, odometer_m=900)  # before the span
    await report(0, latitude=1.5, longitude=2.5, speed_kmh=10.0, odometer_m=1000, ignition=False)
    await report(60, latitude=9.0, longitude=9.0, speed_kmh=99.0, fix_valid=False, ignition=True)
    await report(299.999999, latitude=3.5, longitude=4.5, speed_kmh=30.0, odometer_m=1200, ignition=True)
    await report(300, latitude=None, longitude=None, speed_kmh=None, odometer_m=1250)
    await report(
        610, latitude=-1.0, longitude=-2.0, odometer_m=50, ignition=True
    )  # another tracker, or it was set back
    await report(620, latitude=-3.0, longitude=-4.0, odometer_m=80, ignition=True)
    await report(900, speed_kmh=1.0)  # behind the span
    client = await served.client()
    query = {"every": "5m", "from": clock(0), "to": clock(900)}
    items = (await client.get(f"/v1/devices/{device_id}/positions/buckets", params=query)).json()["items"]

    assert items == [
        {
            "start": clock(0), "end": clock(300), "reports": 3,
            "first": {"time": clock(0), "latitude": 1.5, "longitude": 2.5},
            "last": {"time": clock(299.999999), "latitude": 3.5, "longitude": 4.5},
            "top_speed_kmh": 30.0, "mean_speed_kmh": 20.0, "distance_m": 200, "ignition_share": pytest.approx(2 / 3),
        },
        {
            "start": clock(300), "end": clock(600), "reports": 1, "first": None, "last": None,
            "top_speed_kmh": None, "mean_speed_kmh": None, "distance_m": 50, "ignition_share": None,
        },
        {
            "start": clock(600), "end": clock(900), "reports": 2,
            "first": {"time": clock(610), "latitude": -1.0, "longitude": -2.0},
            "last": {"time": clock(620), "latitude": -3.0, "longitude": -4.0},
            "top_speed_kmh": None, "mean_speed_kmh": None, "distance_m": 30, "ignition_share": 1.0,
        },
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("every", "start"),
    [
        ("90s", "2026-05-04T12:33:00Z"),
        ("5m", "2026-05-04T12:30:00Z"),
        ("6h", "2026-05-04T12:00:00Z"),
        ("1d", "2026-05-04T00:00:00Z"),
        ("7d", "2026-05-04T00:00:00Z"),  # a Monday
    ],
)
async def test_buckets_begin_at_whole_steps(
    served: "Served", device_id: str, report: "Report", every: str, start: str
) -> None:
    await report(34 * 60 + 17)
    client = await served.client()
    query = {"every": every, "from": "2026-05-04T09:17:31+02:00", "to": "2026-05-06T00:00:00Z"}
    answer = await client.get(f"/v1/devices/{device_id}/positions/buckets", params=query)

    assert [item["start"] for item in answer.json()["items"]] == [start]


async def test_a_track_keeps_its_shape_and_the_times_of_its_points(
    served: "Served", device_id: str, report: "Report"
) -> None:
    for number in range(41):
        corner = min(number, 20) * 0.01, max(number - 20, 0) * 0.01
        await report(number, latitude=corner[0], longitude=corner[1])
        await report(number + 0.5, latitude=80.0, longitude=80.0, fix_valid=False)
        await report(number + 0.6, latitude=None, longitude=None)
    client = await served.client()
    path = f"/v1/devices/{device_id}/track"
    track = (await client.get(path, params={**DAY, "points": 10})).json()
    whole = (await client.get(path, params=DAY)).json()
    one = (await client.get(path, params={"from": clock(7), "to": clock(8)})).json()
    none = (await client.get(path, params={"from": clock(100), "to": clock(200)})).json()

    assert track["geometry"] == {"type": "LineString", "coordinates": [[0.0, 0.0], [0.0, 0.2], [0.2, 0.2]]}
    assert track["properties"] == {"device_id": device_id, "places": 41, "times": [clock(0), clock(20), clock(40)]}
    assert len(whole["geometry"]["coordinates"]) == len(whole["properties"]["times"]) == 41
    assert one["geometry"] == {"type": "Point", "coordinates": [0.0, 0.07]}
    assert one["properties"]["times"] == [clock(7)]
    assert (none["geometry"], none["properties"]["places"]) == (None, 0)


async def test_a_track_that_is_too_long_is_refused_and_not_cut(
    served: "Served", device_id: str, report: "Report", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vt600_api.tracks.routes._MAX_PLACES", 3)
    client = await served.client()
    for number in range(4):
        answer = await client.get(f"/v1/devices/{device_id}/track", params=DAY)
        assert answer.json()["properties"]["places"] == number
        await report(number)

    assert code_of(await client.get(f"/v1/devices/{device_id}/track", params=DAY)) == (422, "track_too_long")


async def test_questions_about_tracks_that_are_wrong_have_a_code(served: "Served", device_id: str) -> None:
    client = await served.client()
    year = {"from": "2024-01-01T00:00:00Z", "to": "2025-01-02T00:00:01Z"}
    for path, query, status, code in (
        ("positions/buckets", {**DAY, "every": "17s"}, 422, "too_many_buckets"),
        ("positions/buckets", {**DAY, "every": "0m"}, 422, "invalid_request"),
        ("positions/buckets", {**DAY, "every": "1w"}, 422, "invalid_request"),
        ("positions/buckets", {**DAY, "every": "5"}, 422, "invalid_request"),
        ("positions/buckets", {**year, "every": "1d"}, 422, "span_too_long"),
        ("positions/buckets", {"every": "1d"}, 422, "invalid_request"),
        ("track", {**DAY, "points": "1"}, 422, "invalid_request"),
        ("track", {**DAY, "points": "5001"}, 422, "invalid_request"),
        ("track", {"from": DAY["to"], "to": DAY["from"]}, 422, "invalid_span"),
        ("gaps", {**DAY, "longer_than": "soon"}, 422, "invalid_request"),
        ("gaps", year, 422, "span_too_long"),
    ):
        assert code_of(await client.get(f"/v1/devices/{device_id}/{path}", params=query)) == (status, code), query
    for path in ("positions/buckets", "track", "gaps"):
        answer = await client.get(f"/v1/devices/none/{path}", params={**DAY, "every": "1d"})

        assert code_of(answer) == (404, "device_not_found")


async def test_what_takes_longer_than_it_may_is_ended_with_a_code(
    serve: "Serve", device_id: str, store: asyncpg.Connection
) -> None:
    served = await serve(query_timeout_s=0.05)
    client = await served.client()
    async with store.transaction():
        await store.execute("LOCK TABLE fleet.reports IN ACCESS EXCLUSIVE MODE")
        for path in ("positions/buckets", "track", "gaps", "alarms", "positions/export"):
            query = {**DAY, "every": "1d", "format": "csv"}
            answer = await client.get(f"/v1/devices/{device_id}/{path}", params=query)

            assert code_of(answer) == (503, "query_timeout"), path
        assert code_of(await client.get("/v1/alarms")) == (503, "query_timeout")
    assert (await client.get(f"/v1/devices/{device_id}/gaps", params=DAY)).status_code == 200
