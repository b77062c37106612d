"""Trips from the socket to REST: the same whatever arrives when."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal

import httpx
import pytest
from tests.gateway import Gateway, eventually

from vt600_simulator.identity import imei, serial_number
from vt600_simulator.tracker import Record, Tracker

pytestmark = pytest.mark.servers

EVERY = timedelta(seconds=30)


def a_morning(tracker: Tracker) -> list[Record]:
    """A short stop, half an hour of driving, twenty minutes with the engine off, another half an hour: two trips, two stops."""
    start = (datetime.now(UTC) - timedelta(hours=3)).replace(microsecond=0)
    first = [tracker.make_record(start + at * EVERY, linked=True) for at in range(60)]
    last = next(record for record in reversed(first) if not record.report.is_alarm)
    status = (last.report.status or 0) & ~(1 << 10 if tracker.dialect == "binary" else 0)  # the binary one's input 3
    still = replace(last.report, speed_kmh=0.0, inputs=0, status=status)
    parked = [replace(last, report=replace(still, device_time=start + at * EVERY)) for at in range(60, 100)]
    return [*first, *parked, *(tracker.make_record(start + at * EVERY, linked=True) for at in range(100, 160))]


async def send(gateway: Gateway, tracker: Tracker, records: list[Record]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.listener_port)
    writer.write(b"".join(tracker.frame(record) for record in records))
    writer.write_eof()
    await asyncio.wait_for(reader.read(), 20)
    writer.close()
    await writer.wait_closed()


async def spans_of(client: httpx.AsyncClient, tracker: Tracker) -> list[dict[str, Any]]:
    """Trips and stops without what names the device."""
    found: list[dict[str, Any]] = []
    for what in ("trips", "stops"):
        answer = await client.get(f"/v1/devices/{tracker.device_id}/{what}")
        found += answer.json()["items"] if answer.status_code == httpx.codes.OK else []
    return [{name: value for name, value in item.items() if name != "device_id"} for item in found]


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
async def test_trips_are_the_same_whatever_arrives_when(gateway: Gateway, dialect: Literal["binary", "ascii"]) -> None:
    name = serial_number if dialect == "binary" else imei
    ordered, delayed = (
        Tracker(name(number), dialect, "tcp", confirmed_mode=False, interval_s=EVERY.total_seconds(), seed=7)
        for number in (7000, 7001)
    )
    records, same = a_morning(ordered), a_morning(delayed)
    async with gateway.client() as client:
        await send(gateway, ordered, records)
        await send(gateway, delayed, [*same[:40], *same[120:]])
        one_trip = await eventually(partial(spans_of, client, delayed), lambda found: len(found) > 0)
        await send(gateway, delayed, same[40:120])
        whole = await eventually(partial(spans_of, client, ordered), lambda found: len(found) == 4)
        repaired = await eventually(partial(spans_of, client, delayed), whole)

    assert one_trip != whole
    assert repaired == whole
