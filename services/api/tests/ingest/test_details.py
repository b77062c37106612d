"""What a batch does with the fields of frames that are no reports, and with the settings of its devices."""

import json
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import asyncpg
import pytest
from msgspec import structs

from vt600_api.ingest.uplinks import read_uplink
from vt600_bus import encode
from vt600_bus.records import Report, Uplink

pytestmark = pytest.mark.servers

MakeUplink = Callable[..., Uplink]
Ingest = Callable[..., Awaitable[None]]


async def details_of(database: asyncpg.Connection, device_id: str) -> list[Any]:
    """The fields of the device's frames in the order of their arrival, None where there are none."""
    rows = await database.fetch("SELECT details FROM fleet.frames WHERE device_id = $1 ORDER BY received_at", device_id)
    return [None if row["details"] is None else json.loads(row["details"]) for row in rows]


async def test_a_frame_keeps_the_fields_that_were_read_in_it_and_a_report_has_none_there(
    ingest: Ingest, database: asyncpg.Connection, make_uplink: MakeUplink, device_id: str
) -> None:
    cards = structs.replace(make_uplink(0, kind="cards"), details={"cards": [10362751, 0], "latitude": None})

    await ingest(cards, make_uplink(1), make_uplink(2, kind="login"))

    assert await details_of(database, device_id) == [{"cards": [10362751, 0], "latitude": None}, None, None]


async def test_fields_that_json_cannot_hold_in_the_store_are_stored_with_something_else(
    ingest: Ingest, database: asyncpg.Connection, make_uplink: MakeUplink, device_id: str
) -> None:
    odd = {"text": "a\x00b", "codes": ["\x00", "\\u0000"], "rpm": float("nan"), "range": float("inf")}

    await ingest(read_uplink(encode(structs.replace(make_uplink(kind="engine"), details=odd))))

    (found,) = await details_of(database, device_id)
    assert (found["text"], found["codes"][0], found["rpm"], found["range"]) == ("a\ufffdb", "\ufffd", None, None)


async def test_each_device_of_a_batch_is_read_by_its_own_settings(
    ingest: Ingest, database: asyncpg.Connection, make_uplink: MakeUplink, device_id: str, publisher: Any
) -> None:
    settings = '{"ignition_input": 1, "external_v_per_unit": 0.5, "log_offset_min": 60}'
    await database.execute("INSERT INTO fleet.devices (device_id, settings) VALUES ($1, $2)", device_id, settings)
    other = f"{device_id}x"

    def of_other(uplink: Uplink) -> Uplink:
        return structs.replace(uplink, device_id=other, frame_id=uplink.frame_id[::-1])

    first = make_uplink(0, inputs=0b001, analog_raw=(0, 0, 24, 0))
    logged = make_uplink(10, event="logged", inputs=0b100)
    published: list[Report] = publisher.reports

    await ingest(first, of_other(first))
    await ingest(logged, of_other(logged))

    assert [(report.device_id, report.ignition) for report in published] == [
        (device_id, True),
        (other, False),
        (device_id, False),
        (other, True),
    ]
    assert [report.external_v for report in published[:2]] == [12.0, 24 * 48 / 1024]
    assert published[3].device_time == logged.report.device_time  # type: ignore[union-attr]
    assert published[3].device_time - published[2].device_time == timedelta(hours=1)  # type: ignore[operator]
    assert [report.late for report in published] == [False, False, True, False]
