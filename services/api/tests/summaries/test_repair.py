"""However reports arrive, the store ends in the same hours and days: those of the plain rule."""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from vt600_api.migrate import upgrade
from vt600_api.summaries.repair import repair_summaries
from vt600_api.trips.spans import Rules

from .model import Said, hours_of

pytestmark = pytest.mark.servers

RULES = Rules()
EVENING = datetime(2026, 5, 3, 22, 0, tzinfo=UTC)
STEPS = st.sampled_from([0, 0, 1, 30, 30, 60, 300, 600, 1799, 1800, 1801, 3600, 7200, 40_000])
INSERT = """
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, latitude, longitude, speed_kmh,
    ignition, flags, late) VALUES ($1, $2, $3, $2, 'binary', $4, $5, $6, $7, $8, $9, $10, false)
"""
DELETE = "DELETE FROM fleet.reports WHERE device_id = $1 AND device_time = $2 AND frame_id = $3"
SUMMED = ("distance_m", "moving_s", "idle_s", "ignition_s", "reports", "alarms")


class Store:
    """A store and its loop, for tests whose examples are made by Hypothesis."""

    def __init__(self, url: str) -> None:
        self._runner = asyncio.Runner()
        self._numbers = count()
        self._connection = self._runner.run(asyncpg.connect(url))

    def close(self) -> None:
        self._runner.run(self._connection.close())
        self._runner.close()

    def new_device(self) -> str:
        return f"p{next(self._numbers)}"

    def change(self, device_id: str, add: Sequence[Said], remove: Sequence[Said] = ()) -> None:
        self._runner.run(self._change(device_id, add, remove))

    def rows(self, table: str, device_id: str) -> list[dict[str, Any]]:
        query = f"SELECT * FROM fleet.{table} WHERE device_id = $1 ORDER BY start"  # noqa: S608
        found = [dict(row) for row in self._runner.run(self._connection.fetch(query, device_id))]
        for row in found:
            del row["device_id"]
        return found

    async def _change(self, device_id: str, add: Sequence[Said], remove: Sequence[Said]) -> None:
        for one in remove:
            await self._connection.execute(DELETE, device_id, one.device_time, one.frame_id)
            await self._connection.execute(
                "UPDATE fleet.device_hours SET source_frame_id = NULL"
                " WHERE device_id = $1 AND source_at = $2 AND source_frame_id = $3",
                device_id, one.device_time, one.frame_id,
            )  # fmt: skip
        for one in add:
            flags = ["device_time_suspect"] if one.is_suspect else []
            values = (*one[:8], flags)
            await self._connection.execute(INSERT, device_id, *values)
        times = [each.device_time for each in (*add, *remove)]
        await repair_summaries(self._connection, device_id, min(times), max(times), RULES)


@pytest.fixture(scope="module")
def store(make_database: Callable[[], str]) -> Iterator[Store]:
    """A store of these tests' own."""
    url = make_database()
    upgrade(SecretStr(url))
    made = Store(url)
    yield made
    made.close()


@st.composite
def tracks(draw: st.DrawFn) -> list[Said]:
    """Reports of a vehicle that drives, stands, leaps and is silent by turns, over borders of hours and of days."""
    seconds, north, found = 0.0, 0.0, []
    for number in range(draw(st.integers(1, 16))):
        seconds += draw(STEPS) + draw(st.sampled_from([0, 0, 0.125]))
        north += draw(st.sampled_from([0, 5, 20, 100, 900, 900_000]))
        found.append(
            Said(
                EVENING + timedelta(seconds=seconds),
                f"{draw(st.integers(0, 3)) * 100 + number:032x}",
                kind=draw(st.sampled_from(["position", "alarm"])),
                fix_valid=draw(st.sampled_from([True, True, True, False])),
                latitude=draw(st.sampled_from([north / 111_000, north / 111_000, None, 91.0])),
                longitude=8.0,
                speed_kmh=draw(st.sampled_from([None, 0.0, 4.9, 5.0, 40.0, 83.3])),
                ignition=draw(st.sampled_from([None, True, True, False])),
                is_suspect=draw(st.sampled_from([False] * 7 + [True])),
            )
        )
    return found


def assert_as_the_rule_says(store: Store, device_id: str, said: Sequence[Said]) -> None:
    hours = store.rows("device_hours", device_id)
    wanted = hours_of(said, RULES)

    assert [row["start"] for row in hours] == list(wanted)
    for row, hour in zip(hours, wanted.values(), strict=True):
        for end in ("first", "last"):
            place = hour.pop(end)
            found = (row[f"{end}_latitude"], row[f"{end}_longitude"], row[f"{end}_time"])
            assert found == ((None, None, None) if place is None else (place.latitude, place.longitude, place.at))  # type: ignore[attr-defined]
        for name, value in hour.items():
            assert row[name] == (None if value is None else pytest.approx(value, rel=1e-9, abs=1e-6)), name
    for day in store.rows("device_days", device_id):
        own = [row for row in hours if row["start"].date() == day["start"].date()]
        for name in SUMMED:
            known = [row[name] for row in own if row[name] is not None]
            assert day[name] == (pytest.approx(sum(known)) if known else None)
        places = [row for row in own if row["first_time"] is not None]
        assert day["first_time"] == (places[0]["first_time"] if places else None)
        assert day["last_latitude"] == (places[-1]["last_latitude"] if places else None)
        assert day["top_speed_kmh"] == max(
            (row["top_speed_kmh"] for row in own if row["top_speed_kmh"] is not None), default=None
        )
    days = sorted({row["start"].replace(hour=0) for row in hours})
    assert [day["start"] for day in store.rows("device_days", device_id)] == days


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), track=tracks())
def test_any_order_and_any_batches_end_in_the_same_hours_and_days(
    store: Store, data: st.DataObject, track: list[Said]
) -> None:
    whole, parts = store.new_device(), store.new_device()
    store.change(whole, track)
    left, there = data.draw(st.permutations(track)), list[Said]()
    while left:
        size = data.draw(st.integers(1, 8))
        store.change(parts, left[:size])
        there += left[:size]
        left = left[size:]
        assert_as_the_rule_says(store, parts, there)

    for table in ("device_hours", "device_days"):
        assert store.rows(table, parts) == store.rows(table, whole)


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(data=st.data(), track=tracks())
def test_reports_that_are_put_right_leave_what_they_would_have_made(
    store: Store, data: st.DataObject, track: list[Said]
) -> None:
    device_id, there = store.new_device(), list(track)
    store.change(device_id, track)
    for _ in range(data.draw(st.integers(1, 3))):
        if not there:
            return
        remove = data.draw(st.lists(st.sampled_from(there), min_size=1, max_size=4, unique=True))
        add = [each._replace(device_time=each.device_time + timedelta(seconds=data.draw(STEPS))) for each in remove[1:]]
        store.change(device_id, add, remove)
        there = [each for each in there if each not in remove] + add
        assert_as_the_rule_says(store, device_id, there)


def test_a_history_of_years_is_worked_out_in_parts_that_meet(store: Store) -> None:
    def said(number: int) -> Said:
        time = (
            datetime(2024, 1, 1, 23, 50, tzinfo=UTC)
            + timedelta(days=31) * (number // 2)
            + timedelta(minutes=20) * (number % 2)
        )
        return Said(time, f"{number:032x}", latitude=number % 2 / 10, longitude=8.0, speed_kmh=40.0, ignition=True)

    device_id, track = store.new_device(), [said(number) for number in range(60)]
    store.change(device_id, track)

    assert_as_the_rule_says(store, device_id, track)
    assert len(store.rows("device_hours", device_id)) == 60
