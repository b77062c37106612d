"""What ingest makes of a report."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec import structs

from vt600_api.ingest.normalise import to_report
from vt600_bus.records import Report, Uplink
from vt600_protocol import DeviceProfile

MakeUplink = Callable[..., Uplink]


def normalised(
    uplink: Uplink, newest: dict[str, datetime] | None = None, profile: DeviceProfile | None = None
) -> Report:
    assert uplink.report is not None
    return to_report(uplink, uplink.report, {} if newest is None else newest, profile or DeviceProfile())


def test_what_the_device_says_is_kept_as_it_is(make_uplink: MakeUplink) -> None:
    uplink = make_uplink(odometer_m=7094, satellites=9, cell_id=15952015)

    report = normalised(uplink)

    said = structs.asdict(uplink.report)  # type: ignore[arg-type]
    assert {name: getattr(report, name) for name in said} == said
    assert (report.frame_id, report.device_id, report.received_at) == (
        uplink.frame_id,
        uplink.device_id,
        uplink.received_at,
    )
    assert report.flags == ()


def test_a_missing_device_time_becomes_the_time_of_arrival(make_uplink: MakeUplink) -> None:
    uplink = make_uplink(device_time=None)

    report = normalised(uplink)

    assert report.device_time == uplink.received_at
    assert report.flags == ("device_time_missing",)


@pytest.mark.parametrize(
    ("device_time", "suspect"),
    [
        (datetime(1980, 1, 6, tzinfo=UTC), True),  # where GPS weeks begin, and 22-08-99 1,024 of them later
        (datetime(1989, 12, 31, tzinfo=UTC), True),
        (datetime(1999, 8, 22, tzinfo=UTC), True),
        (datetime(2080, 1, 6, tzinfo=UTC), True),
        (datetime(2089, 12, 31, tzinfo=UTC), True),
        (datetime(2004, 12, 31, 23, 59, 59, tzinfo=UTC), True),
        (datetime(2005, 1, 1, tzinfo=UTC), False),
        (datetime(2026, 5, 5, 12, 0, 1, tzinfo=UTC), False),
        (datetime(2026, 5, 5, 12, 0, 2, tzinfo=UTC), True),
        (datetime.max.replace(tzinfo=UTC), True),
        (datetime.min.replace(tzinfo=UTC), True),
    ],
)
def test_an_implausible_device_time_is_kept_and_flagged(
    make_uplink: MakeUplink, device_time: datetime, *, suspect: bool
) -> None:
    uplink = make_uplink(device_time=device_time)

    report = normalised(uplink)

    assert report.device_time == device_time
    assert report.flags == (("device_time_suspect",) if suspect else ())


@pytest.mark.parametrize(
    ("behind", "flag"),
    [
        (timedelta(weeks=1024), "gps_week_rollover"),
        (timedelta(weeks=1024, days=39), "gps_week_rollover"),
        (timedelta(weeks=1024, hours=-23), "gps_week_rollover"),
        (timedelta(weeks=1024, days=41), None),  # 2006: old, and possible
        (timedelta(weeks=1024, hours=-25), None),
        (timedelta(weeks=1600), "device_time_suspect"),
    ],
)
def test_a_receiver_that_began_its_weeks_anew_is_corrected(
    make_uplink: MakeUplink, behind: timedelta, flag: str | None
) -> None:
    device_time = make_uplink().received_at - behind
    report = normalised(make_uplink(device_time=device_time))

    assert report.flags == (() if flag is None else (flag,))
    assert report.device_time == (device_time + timedelta(weeks=1024) if flag == "gps_week_rollover" else device_time)


def test_a_device_is_read_as_it_is_wired(make_uplink: MakeUplink) -> None:
    profile = DeviceProfile(ignition_input=1, external_v_per_unit=0.5, battery_v_per_unit=0.25, log_offset_min=60)
    report = normalised(make_uplink(inputs=0b001, analog_raw=(0, 0, 24, 16)), profile=profile)
    logged = make_uplink(event="logged")

    assert (report.ignition, report.external_v, report.battery_v) == (True, 12.0, 4.0)
    assert logged.report is not None
    assert logged.report.device_time is not None
    assert normalised(logged, profile=profile).device_time == logged.report.device_time - timedelta(hours=1)
    assert normalised(logged).device_time == logged.report.device_time


def test_an_implausible_device_time_is_never_the_newest(make_uplink: MakeUplink, device_id: str) -> None:
    newest: dict[str, datetime] = {}

    normalised(make_uplink(device_time=datetime(2063, 4, 5, tzinfo=UTC)), newest)
    after = normalised(make_uplink(10), newest)

    assert after.late is False
    assert newest == {device_id: after.device_time}


def test_older_than_the_newest_is_late_and_the_same_second_is_not(make_uplink: MakeUplink) -> None:
    newest: dict[str, datetime] = {}

    late = [normalised(make_uplink(at), newest).late for at in (10, 20, 20, 15, 30)]

    assert late == [False, False, False, True, False]


def test_what_the_unit_calls_stored_is_late(make_uplink: MakeUplink) -> None:
    assert normalised(make_uplink(stored=True)).late is True
    assert normalised(make_uplink(stored=False)).late is False


def test_four_binary_values_are_volts(make_uplink: MakeUplink) -> None:
    report = normalised(make_uplink(analog_raw=(0, 0, 0x0101, 0x028F)))

    assert report.external_v == pytest.approx(12.05, abs=0.005)
    assert report.battery_v == pytest.approx(3.84, abs=0.005)
    assert report.analog_raw == (0, 0, 0x0101, 0x028F)


@pytest.mark.parametrize("values", [(), (1, 2), (1, 2, 3, 4, 5, 6, 7, 8)])
def test_other_counts_of_binary_values_have_no_known_scale(make_uplink: MakeUplink, values: tuple[int, ...]) -> None:
    report = normalised(make_uplink(analog_raw=values))

    assert (report.external_v, report.battery_v) == (None, None)


def test_volts_of_the_ascii_dialect_stay_as_decoded(make_uplink: MakeUplink) -> None:
    uplink = structs.replace(make_uplink(analog_raw=(1, 2, 3, 4), external_v=12.3, battery_v=4.1), dialect="ascii")

    report = normalised(uplink)

    assert (report.external_v, report.battery_v) == (12.3, 4.1)


@pytest.mark.parametrize(
    ("dialect", "inputs", "ignition"),
    [
        ("binary", 0b100, True),
        ("binary", 0b011, False),
        ("ascii", 0b010, True),
        ("ascii", 0b101, False),
        ("ascii", None, None),
    ],
)
def test_ignition_is_the_input_of_the_dialect(
    make_uplink: MakeUplink, dialect: Any, inputs: int | None, *, ignition: bool | None
) -> None:
    report = normalised(structs.replace(make_uplink(inputs=inputs), dialect=dialect))

    assert report.ignition is ignition


def test_numbers_that_no_column_holds_are_left_out_and_flagged(make_uplink: MakeUplink) -> None:
    uplink = make_uplink(satellites=2**31, odometer_m=2**63, cell_id=2**40, analog_raw=(1, 2**40), csq=7)

    report = normalised(uplink)

    assert (report.satellites, report.odometer_m, report.cell_id, report.analog_raw, report.csq) == (
        None,
        None,
        2**40,
        (),
        7,
    )
    assert report.flags == ("value_out_of_range",)


def test_arrival_at_the_end_of_the_calendar_breaks_nothing(make_uplink: MakeUplink) -> None:
    last = datetime.max.replace(tzinfo=UTC)
    uplink = structs.replace(make_uplink(device_time=last - timedelta(hours=1)), received_at=last)

    assert normalised(uplink).flags == ()
