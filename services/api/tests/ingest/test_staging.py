"""Rows and columns of the staging table agree."""

from collections.abc import Callable

from vt600_api.ingest.normalise import to_report
from vt600_api.ingest.staging import FRAME_COLUMNS, REPORT_COLUMNS, STAGING_COLUMNS, row_of
from vt600_api.positions.models import Frame, Report
from vt600_bus.records import Extras, Uplink


def test_every_value_stands_at_its_column(make_uplink: Callable[..., Uplink]) -> None:
    numbers = (
        "event_code",
        "satellites",
        "odometer_m",
        "mcc",
        "mnc",
        "lac",
        "cell_id",
        "csq",
        "inputs",
        "outputs",
        "status",
    )
    uplink = make_uplink(
        event_data="data",
        course_deg=1.5,
        altitude_m=2.5,
        hdop=3.5,
        external_power=True,
        external_v=4.5,
        battery_v=5.5,
        analog_raw=(1, 2, 3),
        stored=True,
        extras=Extras(pro_code=7),
        **{name: number for number, name in enumerate(numbers, 100)},
    )
    assert uplink.report is not None
    report = to_report(uplink, uplink.report, {})

    row = dict(zip(STAGING_COLUMNS, row_of(uplink, report), strict=True))

    assert row.pop("extras") == '{"pro_code":7}'
    for name, column in FRAME_COLUMNS.items():
        assert row.pop(name) == getattr(uplink, column), name
    for name, value in row.items():
        assert value == getattr(report, name), name


def test_an_uplink_without_report_has_only_its_frame(make_uplink: Callable[..., Uplink]) -> None:
    row = row_of(make_uplink(kind="login"), None)

    assert len(row) == len(STAGING_COLUMNS)
    assert set(row[len(FRAME_COLUMNS) :]) == {None}


def test_staging_feeds_every_column_of_the_store() -> None:
    assert set(FRAME_COLUMNS.values()) == set(Frame.__table__.columns.keys())
    assert {"device_id", "received_at", "frame_id", "dialect", *REPORT_COLUMNS} == set(Report.__table__.columns.keys())
