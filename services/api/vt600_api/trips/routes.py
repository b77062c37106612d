"""Trips and stops of one device, and trips of the fleet."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import BoundedDb, CursorText, DeviceId, Limit, Reader
from vt600_api.devices.routes import require_device
from vt600_api.paging import Order
from vt600_api.positions.parameters import DeviceList, Since, Until, check_span, read_devices
from vt600_api.responses import json_response
from vt600_api.trips import models, queries
from vt600_api.trips.queries import SegmentFilter
from vt600_api.trips.schemas import StopPage, TripPage

router = APIRouter(prefix="/v1", tags=["trips"])

IsOpen = Annotated[bool | None, Query(description="Only those that go on (true) or are over (false).")]


@router.get("/devices/{device_id}/trips", response_model=TripPage)
async def trips_of_one(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    since: Since = None,
    until: Until = None,
    open: IsOpen = None,  # noqa: A002 - the name of the parameter
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """A device's trips that began from `from` on and before `to`, the newest first unless asked otherwise.

    They follow the reports by some seconds, and reports that come late put them right. A device that falls silent while it drives keeps
    its trip open until it reports again.
    """
    check_span(since, until)
    await require_device(db, device_id)
    wanted = SegmentFilter(since, until, open, [device_id])
    rows = await queries.segments(db, models.Trip, wanted, after=_read_key(cursor), order=order, limit=limit)
    return _page(rows, limit, _trip)


@router.get("/devices/{device_id}/stops", response_model=StopPage)
async def stops_of_one(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    since: Since = None,
    until: Until = None,
    open: IsOpen = None,  # noqa: A002
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """A device's stops that began from `from` on and before `to`, the newest first unless asked otherwise."""
    check_span(since, until)
    await require_device(db, device_id)
    wanted = SegmentFilter(since, until, open, [device_id])
    rows = await queries.segments(db, models.Stop, wanted, after=_read_key(cursor), order=order, limit=limit)
    return _page(rows, limit, _stop)


@router.get("/trips", response_model=TripPage)
async def trips_of_all(
    _caller: Reader,
    db: BoundedDb,
    devices: DeviceList = None,
    since: Since = None,
    until: Until = None,
    open: IsOpen = None,  # noqa: A002
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """Trips of every device, or of those named; with `open=true` those that are being driven now."""
    check_span(since, until)
    wanted = SegmentFilter(since, until, open, read_devices(devices))
    rows = await queries.segments(db, models.Trip, wanted, after=_read_key(cursor), order=order, limit=limit)
    return _page(rows, limit, _trip)


def _read_key(cursor: str | None) -> queries.Key | None:
    if cursor is None:
        return None
    started_at, device_id = read_cursor(cursor, datetime, str)
    return started_at, device_id


def _page(rows: Sequence[Row[Any]], limit: int, show: Callable[[dict[str, Any]], dict[str, Any]]) -> Response:
    items = [show(row._asdict()) for row in rows[:limit]]
    last = rows[limit - 1] if len(rows) > limit else None
    after = None if last is None else make_cursor(last.started_at, last.device_id)
    return json_response({"items": items, "next_cursor": after})


def _trip(found: dict[str, Any]) -> dict[str, Any]:
    for end in ("start", "end"):
        found[end] = _spot(found.pop(f"{end}_latitude"), found.pop(f"{end}_longitude"))
    return found | _times(found)


def _stop(found: dict[str, Any]) -> dict[str, Any]:
    found["place"] = _spot(found.pop("latitude"), found.pop("longitude"))
    return found | _times(found)


def _spot(latitude: float | None, longitude: float | None) -> dict[str, float] | None:
    return None if latitude is None or longitude is None else {"latitude": latitude, "longitude": longitude}


def _times(found: dict[str, Any]) -> dict[str, Any]:
    end: datetime = found["ended_at"] or found["last_report_at"]
    return {"open": found["ended_at"] is None, "duration_s": (end - found["started_at"]).total_seconds()}
