"""Where a track is missing."""

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from served.conftest import Report, Served

pytestmark = pytest.mark.servers

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DAY = {"from": "2026-05-04T00:00:00Z", "to": "2026-05-05T00:00:00Z"}


def clock(seconds: float) -> str:
    return (NOON + timedelta(seconds=seconds)).isoformat().replace("+00:00", "Z")


async def gaps(
    served: "Served", device_id: str, **query: str
) -> list[tuple[str, str | None, bool | None, float | None]]:
    """Start, end, ignition and usual interval of each gap."""
    client = await served.client()
    answer = await client.get(f"/v1/devices/{device_id}/gaps", params={**DAY, **query})
    assert answer.status_code == 200, answer.text
    assert answer.json()["is_complete"]
    return [(gap["start"], gap["end"], gap["ignition"], gap["interval_s"]) for gap in answer.json()["items"]]


async def test_gaps_go_by_the_devices_own_interval_and_ignition(
    served: "Served", device_id: str, report: "Report"
) -> None:
    moment = 0
    for step in (30, 30, 30, 90, 30, 91, 30):  # three times the usual interval is none yet
        await report(moment, ignition=True)
        await report(moment, ignition=True, kind="alarm")  # of the same second: no time passes between the two
        moment += step
    parked = moment
    for step in (1800, 1800, 1800, 5401, 1800):
        await report(moment, ignition=False)
        moment += step
    await report(moment, ignition=True)
    await report(moment + 30, ignition=True)
    end = {"to": clock(moment + 31)}

    assert await gaps(served, device_id, **end) == [
        (clock(210), clock(301), True, 30.0),
        (clock(parked + 5400), clock(parked + 10801), False, 1800.0),
        (clock(moment + 30), None, True, 30.0),
    ]
    assert [start for start, *_ in await gaps(served, device_id, longer_than="30m", **end)] == [
        clock(parked + 5400),
        clock(moment + 30),
    ]
    assert [start for start, *_ in await gaps(served, device_id, longer_than="89s", to=clock(302))] == [
        clock(90),
        clock(210),
    ]


async def test_gaps_over_the_ends_of_a_span_are_whole(served: "Served", device_id: str, report: "Report") -> None:
    for moment in (0, 10, 20, 30, 1000, 1010, 5000):
        await report(moment)
    silent = {"from": clock(100), "to": clock(200)}

    assert await gaps(served, device_id, **silent) == [(clock(30), clock(1000), None, 10.0)]
    assert await gaps(served, device_id, **{"from": clock(0), "to": clock(25)}) == []
    assert [end for _, end, *_ in await gaps(served, device_id, **{"from": clock(900), "to": clock(1500)})] == [
        clock(1000),
        clock(5000),
    ]
    assert [end for _, end, *_ in await gaps(served, device_id, **{"from": clock(1000)})] == [clock(5000), None]


async def test_what_nothing_can_be_compared_with_is_no_gap(served: "Served", device_id: str, report: "Report") -> None:
    assert await gaps(served, device_id) == []
    await report(0, ignition=True)
    assert await gaps(served, device_id) == []
    await report(3600, ignition=False)
    assert await gaps(served, device_id) == []
    assert len(await gaps(served, device_id, longer_than="1m")) == 2


async def test_more_gaps_than_an_answer_holds_are_said(
    served: "Served", device_id: str, report: "Report", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vt600_api.tracks.routes._MAX_GAPS", 2)
    client = await served.client()
    for number in range(4):
        await report(number * 100)
    query = {**DAY, "longer_than": "1m", "to": clock(300)}
    three = (await client.get(f"/v1/devices/{device_id}/gaps", params=query)).json()
    two = (await client.get(f"/v1/devices/{device_id}/gaps", params={**query, "from": clock(101)})).json()

    assert ([gap["start"] for gap in three["items"]], three["is_complete"]) == ([clock(0), clock(100)], False)
    assert ([gap["start"] for gap in two["items"]], two["is_complete"]) == ([clock(100), clock(200)], True)
