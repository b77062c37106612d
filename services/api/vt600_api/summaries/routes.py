"""Hours and days of one device, and of the fleet."""

from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import BoundedDb, CursorText, DeviceId, Limit, Reader
from vt600_api.devices.routes import require_device
from vt600_api.paging import Order
from vt600_api.positions.parameters import DeviceList, Since, Until, check_span, read_devices
from vt600_api.responses import json_response
from vt600_api.summaries import queries
from vt600_api.summaries.models import DeviceDay, DeviceHour
from vt600_api.summaries.queries import SummaryFilter
from vt600_api.summaries.schemas import SummaryPage

router = APIRouter(prefix="/v1", tags=["summaries"])

Step = Literal["hour", "day"]
Every = Annotated[Step, Query(description="Hours or days; they begin at whole ones in UTC.")]

_LENGTHS = {"hour": timedelta(hours=1), "day": timedelta(days=1)}


@router.get("/devices/{device_id}/summaries", response_model=SummaryPage)
async def summaries_of_one(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    every: Every = "day",
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """A device's hours or days that began from `from` on and before `to`, the newest first unless asked otherwise.

    They follow the reports by some seconds, and reports that come late put them right.
    """
    check_span(since, until)
    await require_device(db, device_id)
    return await _page(db, every, SummaryFilter(since, until, [device_id]), cursor, order, limit)


@router.get("/summaries", response_model=SummaryPage)
async def summaries_of_all(
    _caller: Reader,
    db: BoundedDb,
    every: Every = "day",
    devices: DeviceList = None,
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """Hours or days of every device, or of those named."""
    check_span(since, until)
    return await _page(db, every, SummaryFilter(since, until, read_devices(devices)), cursor, order, limit)


async def _page(
    db: AsyncSession, every: Step, wanted: SummaryFilter, cursor: str | None, order: Order, limit: int
) -> Response:
    after = None
    if cursor is not None:
        start, device_id = read_cursor(cursor, datetime, str)
        after = start, device_id
    table = DeviceHour if every == "hour" else DeviceDay
    rows = await queries.summaries(db, table, wanted, after=after, order=order, limit=limit)
    last = rows[limit - 1] if len(rows) > limit else None
    following = None if last is None else make_cursor(last.start, last.device_id)
    items = [_summary(row, _LENGTHS[every]) for row in rows[:limit]]
    return json_response({"items": items, "next_cursor": following})


def _summary(row: Row[Any], length: timedelta) -> dict[str, Any]:
    found = row._asdict()
    for end in ("first", "last"):
        place = {name: found.pop(f"{end}_{name}") for name in ("time", "latitude", "longitude")}
        found[end] = None if place["time"] is None else place
    return found | {"end": found["start"] + length}
