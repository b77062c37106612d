"""When a campaign may send how much."""

from datetime import UTC, datetime, time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vt600_api.campaigns.rules import MINUTE, Hours, allowance, closes_at, failed_share

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


@given(st.integers(1, 600), st.lists(st.floats(0.1, 100), min_size=1, max_size=60))
def test_no_minute_has_more_than_the_rate_whenever_somebody_looks(per_minute: int, pauses_s: list[float]) -> None:
    now, sent = NOON, list[datetime]()
    for pause_s in pauses_s:
        now += timedelta(seconds=pause_s)
        lately = [at for at in sent if at > now - MINUTE]
        sent += [now] * allowance(per_minute, len(lately), lately[-1] if lately else None, now)
        assert sum(at > now - MINUTE for at in sent) <= per_minute


@pytest.mark.parametrize("per_minute", [1, 7, 60, 300])
def test_looked_at_every_second_it_sends_at_its_rate(per_minute: int) -> None:
    sent = list[datetime]()
    for second in range(600):
        now = NOON + timedelta(seconds=second)
        lately = [at for at in sent if at > now - MINUTE]
        sent += [now] * allowance(per_minute, len(lately), lately[-1] if lately else None, now)

    assert 9 * per_minute <= len(sent) <= 10 * per_minute + per_minute


@pytest.mark.parametrize(
    ("since", "until", "now", "closes"),
    [
        (8, 17, NOON, NOON.replace(hour=17)),
        (13, 17, NOON, None),
        (8, 12, NOON, None),
        (12, 13, NOON, NOON.replace(hour=13)),
        (22, 5, NOON, None),
        (22, 5, NOON.replace(hour=23), NOON.replace(day=5, hour=5)),
        (22, 5, NOON.replace(hour=4), NOON.replace(hour=5)),
    ],
)
def test_hours_may_go_past_midnight(since: int, until: int, now: datetime, closes: datetime | None) -> None:
    assert closes_at(Hours(time(since), time(until)), now) == closes


@pytest.mark.parametrize(
    ("commands", "share"),
    [
        ({"acknowledged": 3, "failed": 1, "queued": 50}, 0.25),
        ({"acknowledged": 2, "failed": 1}, 0.0),
        ({"acknowledged": 1, "failed": 1, "expired": 1, "rejected": 1, "unknown": 1}, 0.8),
        ({"acknowledged": 4, "cancelled": 40}, 0.0),
        ({}, 0.0),
    ],
)
def test_failures_count_once_enough_have_ended(commands: dict[str, int], share: float) -> None:
    assert failed_share(commands, 4) == share
