"""Alarms of one device and of the fleet."""

from typing import Annotated

from fastapi import APIRouter, Query, Response
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.alarms import queries
from vt600_api.alarms.queries import AlarmFilter
from vt600_api.alarms.schemas import AlarmPage
from vt600_api.cursors import make_cursor, read_key
from vt600_api.dependencies import BoundedDb, CursorText, DeviceId, Limit, Reader
from vt600_api.devices.routes import require_device
from vt600_api.paging import Order
from vt600_api.positions.parameters import DeviceList, Since, Until, check_span, read_devices
from vt600_api.responses import json_response

router = APIRouter(prefix="/v1", tags=["alarms"])

Events = Annotated[
    str | None,
    Query(
        pattern="^[a-z0-9_]+(,[a-z0-9_]+)*$",
        max_length=1000,
        description="Names of events, parted by commas.",
        examples=["sos,power_cut"],
    ),
]


@router.get("/alarms", response_model=AlarmPage)
async def alarms_of_all(
    _caller: Reader,
    db: BoundedDb,
    event: Events = None,
    devices: DeviceList = None,
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """Alarms of every device, or of those named, by the devices' clocks, the newest first unless asked otherwise."""
    check_span(since, until)
    wanted = AlarmFilter(since, until, event.split(",") if event else None, read_devices(devices))
    return await _page(db, wanted, cursor, order, limit)


@router.get("/devices/{device_id}/alarms", response_model=AlarmPage)
async def alarms_of_one(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    event: Events = None,
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """Alarms of one device by its clock, the newest first unless asked otherwise."""
    check_span(since, until)
    await require_device(db, device_id)
    wanted = AlarmFilter(since, until, event.split(",") if event else None, [device_id])
    return await _page(db, wanted, cursor, order, limit)


async def _page(db: AsyncSession, wanted: AlarmFilter, cursor: str | None, order: Order, limit: int) -> Response:
    rows = await queries.alarms(db, wanted, after=read_key(cursor, str), order=order, limit=limit)
    items = [row._asdict() for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    after = None if last is None else make_cursor(last.device_time, last.device_id, last.frame_id)
    return json_response({"items": items, "next_cursor": after})
