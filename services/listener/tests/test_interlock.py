"""Engine cuts, right before their bytes would be written."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from vt600_bus.records import Downlink, Interlock
from vt600_bus.topics import DELIVERY_REPORTS, SESSIONS
from vt600_listener.interlock import refusal
from vt600_listener.session import Motion
from vt600_protocol import SetImmobiliser, encode_command, encode_login

if TYPE_CHECKING:
    from conftest import Bench, Tracker

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
DEVICE = "143190975469"
LIMITS = Interlock(max_speed_kmh=20, max_fix_age_s=120)
MakeFrame = Callable[..., bytes]


@given(
    speed_kmh=st.one_of(st.none(), st.floats(0, 300)),
    device_age_s=st.floats(-1e9, 1e9),
    arrival_age_s=st.floats(0, 1e6),
)
def test_it_is_cut_only_below_the_limit_by_a_fix_that_is_young_by_both_clocks(
    speed_kmh: float | None, device_age_s: float, arrival_age_s: float
) -> None:
    motion = Motion(NOON - timedelta(seconds=device_age_s), NOON - timedelta(seconds=arrival_age_s), speed_kmh)
    if refusal(LIMITS, motion, NOON) is None:
        assert speed_kmh is not None
        assert speed_kmh < 20
        assert -60 <= device_age_s <= 120
        assert arrival_age_s <= 120
    elif speed_kmh is not None and speed_kmh < 20:
        assert not (-60 <= device_age_s <= 120 and arrival_age_s <= 120)


def cut(bench: "Bench", *, open_window: bool = True) -> Downlink:
    opened = [record for record in bench.bus.of(SESSIONS) if record.state == "open"][-1]
    encoded = encode_command(SetImmobiliser(engaged=True), device_id=DEVICE, dialect=opened.dialect)
    now = bench.clock.utc_now()
    downlink = Downlink(
        command_id="cut", attempt=1, device_id=DEVICE, listener_id=bench.listener.id, session_id=opened.session_id,
        generation=opened.generation, dispatched_at=now, deadline_at=now + timedelta(seconds=60), payload=encoded.payload,
        reply_code=encoded.reply_code, open_window=open_window, interlock=LIMITS,
    )  # fmt: skip
    bench.listener.downlinks.deliver(downlink)
    return downlink


def told(bench: "Bench") -> list[tuple[str, str | None]]:
    return [(report.outcome, report.reason) for report in bench.bus.of(DELIVERY_REPORTS)]


def says(
    bench: "Bench", report_frame: MakeFrame, speed_kmh: float, *, age_s: float = 1, fix_valid: bool = True
) -> bytes:
    moment = bench.clock.utc_now() - timedelta(seconds=age_s)
    return report_frame(DEVICE, speed_kmh=speed_kmh, device_time=moment, fix_valid=fix_valid)


async def test_the_newest_report_decides_and_a_late_one_does_not(bench: "Bench", report_frame: MakeFrame) -> None:
    tracker: Tracker = bench.connect()
    tracker.send(says(bench, report_frame, 60, age_s=1))
    tracker.send(says(bench, report_frame, 0, age_s=30))  # kept in flash, sent later
    tracker.transport.take()
    cut(bench)

    assert tracker.transport.take() == b""
    assert told(bench) == [("refused", "interlock_speed")]


async def test_a_vehicle_that_stands_is_cut(bench: "Bench", report_frame: MakeFrame) -> None:
    tracker: Tracker = bench.connect()
    tracker.send(says(bench, report_frame, 60, age_s=30))
    tracker.send(says(bench, report_frame, 0, age_s=1))
    tracker.transport.take()
    downlink = cut(bench)

    assert tracker.transport.take() == downlink.payload
    assert told(bench) == [("written", None)]


@pytest.mark.parametrize(("age_s", "fix_valid"), [(500, True), (1, False), (-500, True)])
async def test_without_a_young_fix_it_is_not_cut(
    bench: "Bench", report_frame: MakeFrame, age_s: float, *, fix_valid: bool
) -> None:
    tracker: Tracker = bench.connect()
    tracker.send(says(bench, report_frame, 0, age_s=age_s, fix_valid=fix_valid))
    tracker.transport.take()
    cut(bench)

    assert tracker.transport.take() == b""
    assert told(bench) == [("refused", "interlock_no_fix")]


async def test_what_was_held_is_looked_at_again_when_the_device_speaks(bench: "Bench", report_frame: MakeFrame) -> None:
    tracker: Tracker = bench.connect()
    tracker.send(says(bench, report_frame, 0))
    await bench.clock.advance(60)
    tracker.transport.take()
    cut(bench)
    tracker.send(says(bench, report_frame, 70))

    assert tracker.transport.take() == b""
    assert told(bench) == [("held", None), ("refused", "interlock_speed")]


async def test_on_a_link_that_has_told_nothing_yet_it_waits_for_the_first_report(
    bench: "Bench", report_frame: MakeFrame
) -> None:
    tracker: Tracker = bench.connect()
    tracker.send(encode_login(DEVICE))
    tracker.transport.take()
    downlink = cut(bench)
    tracker.send(b"\x00")
    assert told(bench) == [("held", None)]
    tracker.send(says(bench, report_frame, 0))

    assert tracker.transport.take().endswith(downlink.payload)
    assert told(bench) == [("held", None), ("written", None)]


def test_limits_travel_on_the_bus() -> None:
    assert structs.asdict(Interlock()) == {"max_speed_kmh": 20.0, "max_fix_age_s": 120.0}
