"""What one batch leaves in the store, and what it publishes."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from vt600_api.ingest.uplinks import read_uplink
from vt600_bus import Publisher, RecordError, encode
from vt600_bus.records import Extras, Report, Uplink

pytestmark = pytest.mark.servers

MakeUplink = Callable[..., Uplink]
Ingest = Callable[..., Awaitable[None]]


@pytest.fixture
def published(publisher: Any) -> list[Report]:
    reports: list[Report] = publisher.reports
    return reports


@pytest.fixture
def rows(database: asyncpg.Connection, device_id: str) -> Callable[[str], Awaitable[list[asyncpg.Record]]]:
    """All rows of the test's device in a table."""

    async def rows(table: str) -> list[asyncpg.Record]:
        order = "device_id" if table in {"devices", "latest_positions"} else "received_at, frame_id"
        query = f"SELECT * FROM fleet.{table} WHERE device_id = $1 ORDER BY {order}"  # noqa: S608 - our own tables
        return list(await database.fetch(query, device_id))

    return rows


Rows = Callable[[str], Awaitable[list[asyncpg.Record]]]


async def test_a_report_is_stored_with_everything_it_says(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink
) -> None:
    extras = Extras(driver_text="%DOE^JANE?", unparsed=("1F",))
    uplink = make_uplink(
        5,
        odometer_m=2**32 - 1,
        cell_id=2**32 - 1,
        inputs=4,
        analog_raw=(1, 2, 257, 649),
        extras=extras,
        external_power=True,
    )

    await ingest(uplink)

    (row,) = await rows("reports")
    (report,) = published
    said = structs.asdict(report) | {"extras": '{"unparsed": ["1F"], "driver_text": "%DOE^JANE?"}'}
    assert {name: _plain(value) for name, value in dict(row).items()} == {
        name: _plain(value) for name, value in said.items()
    }
    (frame,) = await rows("frames")
    assert (frame["raw"], frame["kind"], frame["code"], frame["decoder"]) == (uplink.raw, "position", "9955", "1")


async def test_ingesting_the_same_record_twice_leaves_one_row_invariant_5(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink
) -> None:
    uplink = make_uplink()

    await ingest(uplink)
    before = [await rows(table) for table in ("reports", "frames", "latest_positions", "devices")]
    await ingest(uplink)
    await ingest(uplink, uplink)

    assert [await rows(table) for table in ("reports", "frames", "latest_positions", "devices")] == before
    assert [len(found) for found in before] == [1, 1, 1, 1]
    assert len(published) == 1


async def test_the_same_record_twice_in_one_batch_is_one(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink
) -> None:
    await ingest(make_uplink(), make_uplink())

    assert len(await rows("reports")) == 1
    assert len(published) == 1


async def test_a_record_that_the_device_sends_again_is_one_report_and_two_frames(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink
) -> None:
    await ingest(make_uplink(0, arrived=1))
    await ingest(make_uplink(0, arrived=60))

    assert len(await rows("reports")) == 1
    assert len(await rows("frames")) == 2
    assert len(published) == 1


async def test_two_frames_of_the_same_second_both_stay(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink
) -> None:
    await ingest(make_uplink(0), make_uplink(0, kind="alarm", event="sos", event_code=1))

    assert {row["kind"] for row in await rows("reports")} == {"position", "alarm"}
    assert [report.kind for report in published] == ["position", "alarm"]
    assert not any(report.late for report in published)


async def test_late_is_told_by_the_newest_report_known_over_batches(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink
) -> None:
    await ingest(make_uplink(100))
    await ingest(make_uplink(50), make_uplink(200), make_uplink(150))

    assert [report.late for report in published] == [False, True, False, True]
    assert {row["device_time"]: row["late"] for row in await rows("reports")} == {
        report.device_time: report.late for report in published
    }


async def test_the_latest_position_moves_forwards_only(ingest: Ingest, rows: Rows, make_uplink: MakeUplink) -> None:
    await ingest(make_uplink(100, speed_kmh=80.0))
    await ingest(make_uplink(50, speed_kmh=10.0))

    (latest,) = await rows("latest_positions")
    assert (latest["speed_kmh"], latest["device_time"]) == (80.0, make_uplink(100).report.device_time)  # type: ignore[union-attr]

    await ingest(make_uplink(120, speed_kmh=30.0), make_uplink(110, speed_kmh=20.0))

    (latest,) = await rows("latest_positions")
    assert (latest["speed_kmh"], latest["late"]) == (30.0, False)


async def test_a_report_without_fix_keeps_the_place_of_the_newest_fix(
    ingest: Ingest, rows: Rows, make_uplink: MakeUplink
) -> None:
    fix = make_uplink(100)
    lost = make_uplink(200, fix_valid=False, latitude=0.0, longitude=0.0, speed_kmh=None, csq=9)

    await ingest(fix)
    await ingest(lost)

    (latest,) = await rows("latest_positions")
    assert fix.report is not None
    assert lost.report is not None
    assert (latest["device_time"], latest["fix_valid"], latest["csq"]) == (lost.report.device_time, False, 9)
    assert (latest["fix_time"], latest["latitude"]) == (fix.report.device_time, fix.report.latitude)

    await ingest(make_uplink(150))

    (latest,) = await rows("latest_positions")
    assert latest["fix_time"] - make_uplink(100).received_at == timedelta(seconds=49)
    assert latest["device_time"] == lost.report.device_time


async def test_a_device_that_never_had_a_fix_has_no_place(ingest: Ingest, rows: Rows, make_uplink: MakeUplink) -> None:
    await ingest(make_uplink(0, fix_valid=False, latitude=1.0, longitude=2.0))

    (latest,) = await rows("latest_positions")
    assert (latest["fix_time"], latest["latitude"], latest["longitude"]) == (None, None, None)


@pytest.mark.parametrize("year", [1999, 2063])
async def test_a_suspect_time_is_stored_and_never_the_latest(
    ingest: Ingest, rows: Rows, published: list[Report], make_uplink: MakeUplink, year: int
) -> None:
    await ingest(make_uplink(device_time=datetime(year, 1, 1, tzinfo=UTC)))
    assert await rows("latest_positions") == []

    await ingest(make_uplink(10))

    (latest,) = await rows("latest_positions")
    assert latest["device_time"].year == 2026
    assert len(await rows("reports")) == 2
    assert [report.flags for report in published] == [("device_time_suspect",), ()]
    assert published[1].late is False


async def test_the_order_of_arrival_does_not_change_the_latest_position(
    ingest: Ingest, rows: Rows, make_uplink: MakeUplink
) -> None:
    uplinks = [make_uplink(at, salt=str(at), fix_valid=at % 2 == 0, arrived=float(at)) for at in range(8)]

    await ingest(*uplinks[4:])
    for uplink in reversed(uplinks[:4]):
        await ingest(uplink)

    (latest,) = await rows("latest_positions")
    assert latest["device_time"] == uplinks[7].report.device_time  # type: ignore[union-attr]
    assert latest["fix_time"] == uplinks[6].report.device_time  # type: ignore[union-attr]


async def test_an_unknown_device_is_pending_and_stored(ingest: Ingest, rows: Rows, make_uplink: MakeUplink) -> None:
    login = make_uplink(kind="login", code="5000", arrived=0)
    report = make_uplink(1, arrived=1)

    await ingest(login, report)

    (device,) = await rows("devices")
    assert (device["state"], device["dialect"]) == ("pending", "binary")
    assert (device["first_seen_at"], device["last_seen_at"]) == (login.received_at, report.received_at)
    assert [frame["kind"] for frame in await rows("frames")] == ["login", "position"]
    assert len(await rows("reports")) == 1


async def test_a_registered_device_stays_as_it_was_registered(
    ingest: Ingest, rows: Rows, make_uplink: MakeUplink, database: asyncpg.Connection, device_id: str
) -> None:
    await database.execute(
        "INSERT INTO fleet.devices (device_id, name, state) VALUES ($1, 'Van 7', 'active')", device_id
    )
    uplink = make_uplink()

    await ingest(uplink)

    (device,) = await rows("devices")
    assert (device["state"], device["name"], device["last_seen_at"]) == ("active", "Van 7", uplink.received_at)


async def test_devices_are_seen_forwards_only(ingest: Ingest, rows: Rows, make_uplink: MakeUplink) -> None:
    await ingest(make_uplink(0, arrived=50))
    await ingest(make_uplink(1, arrived=20))

    (device,) = await rows("devices")
    assert device["last_seen_at"] - device["first_seen_at"] == timedelta(seconds=30)


async def test_nothing_stays_when_the_bus_fails(
    writing: asyncpg.Connection,
    rows: Rows,
    make_uplink: MakeUplink,
    publisher: Publisher,
    monkeypatch: pytest.MonkeyPatch,
    ingest: Ingest,
) -> None:
    def fail(*_arguments: object) -> None:
        raise OSError("no bus")

    monkeypatch.setattr(publisher, "publish", fail)

    with pytest.raises(OSError, match="no bus"):
        await ingest(make_uplink())

    assert [await rows(table) for table in ("reports", "frames", "devices")] == [[], [], []]


async def test_text_that_postgresql_cannot_hold_is_stored_with_another_character(
    ingest: Ingest, rows: Rows, make_uplink: MakeUplink
) -> None:
    uplink = make_uplink(event_data="a\x00b", extras=Extras(driver_text="\x00"))

    await ingest(read_uplink(encode(uplink)))

    (row,) = await rows("reports")
    assert (row["event_data"], row["extras"]) == ("a\ufffdb", '{"driver_text": "\ufffd"}')


@pytest.mark.parametrize(
    ("name", "value"),
    [("device_id", ""), ("device_id", "x" * 129), ("received_at", datetime(2026, 1, 1))],  # noqa: DTZ001 - the case
)
def test_a_record_that_no_row_can_hold_is_refused(make_uplink: MakeUplink, name: str, value: object) -> None:
    with pytest.raises(RecordError):
        read_uplink(encode(structs.replace(make_uplink(), **{name: value})))


def test_a_device_time_without_zone_is_refused(make_uplink: MakeUplink) -> None:
    with pytest.raises(RecordError):
        read_uplink(encode(make_uplink(device_time=datetime(2026, 1, 1))))  # noqa: DTZ001 - the case


def _plain(value: object) -> object:
    if isinstance(value, Sequence) and not isinstance(value, str):
        return list(value)
    return value.hex if hasattr(value, "hex") and not isinstance(value, float) else value
