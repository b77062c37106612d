"""Newest positions, tracks and raw frames."""

from collections.abc import Sequence
from typing import Any, Literal

from fastapi import APIRouter, Response
from sqlalchemy import Row

from vt600_api.cursors import make_cursor, read_key
from vt600_api.dependencies import CursorText, Db, DeviceId, Limit, RawReader, Reader
from vt600_api.devices.routes import require_device
from vt600_api.devices.schemas import DeviceState
from vt600_api.errors import ApiError
from vt600_api.paging import Order
from vt600_api.positions import queries
from vt600_api.positions.parameters import DeviceList, FieldList, Since, Until, check_span, read_devices, read_fields
from vt600_api.positions.queries import TrackFilter
from vt600_api.positions.schemas import ChosenFieldsPage, FramePage, LatestPosition, LatestPositions, PositionPage
from vt600_api.responses import json_response

router = APIRouter(prefix="/v1", tags=["positions"])


@router.get("/positions/latest", response_model=LatestPositions)
async def latest_of_all(
    db: Db,
    _caller: Reader,
    state: DeviceState | Literal["all"] = "all",
    devices: DeviceList = None,
) -> Response:
    """The newest report of every device, or of those named."""
    wanted = read_devices(devices)
    rows = await queries.latest_positions(db, state=None if state == "all" else state, device_ids=wanted)
    return json_response({"items": [row._asdict() for row in rows]})


@router.get("/devices/{device_id}/positions/latest", response_model=LatestPosition)
async def latest_of_one(db: Db, _caller: Reader, device_id: DeviceId) -> Response:
    """The newest report of one device."""
    await require_device(db, device_id)
    rows = await queries.latest_positions(db, state=None, device_ids=[device_id])
    if not rows:
        raise ApiError(404, "no_position", f"Device {device_id} has not reported a position yet.")
    return json_response(rows[0]._asdict())


@router.get("/devices/{device_id}/positions", response_model=PositionPage | ChosenFieldsPage)
async def track(
    db: Db,
    _caller: Reader,
    device_id: DeviceId,
    since: Since = None,
    until: Until = None,
    late: bool | None = None,  # noqa: FBT001 - a query parameter
    fix_valid: bool | None = None,  # noqa: FBT001
    kind: Literal["position", "alarm"] | None = None,
    fields: FieldList = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """A device's track by its own clock, page by page, the newest first unless asked otherwise.

    A cursor stands behind the last item of its page for either `order`: with the other one, the way leads back.
    """
    check_span(since, until)
    await require_device(db, device_id)
    wanted = TrackFilter(since=since, until=until, late=late, fix_valid=fix_valid, kind=kind)
    chosen, after = read_fields(fields), read_key(cursor)
    rows = await queries.track(db, device_id, wanted, after=after, order=order, limit=limit, fields=chosen)
    return _page(rows, limit, "device_time", fields=chosen)


@router.get("/devices/{device_id}/frames", response_model=FramePage, tags=["frames"])
async def frames(
    db: Db,
    _caller: RawReader,
    device_id: DeviceId,
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """The bytes of a device's frames as they arrived, the newest first unless asked otherwise."""
    check_span(since, until)
    await require_device(db, device_id)
    after = read_key(cursor)
    rows = await queries.frames(db, device_id, since=since, until=until, after=after, order=order, limit=limit)
    return _page(rows, limit, "received_at")


def _page(rows: Sequence[Row[Any]], limit: int, time: str, *, fields: tuple[str, ...] | None = None) -> Response:
    shown = rows[:limit]
    items = [row._asdict() if fields is None else dict(zip(fields, row, strict=False)) for row in shown]
    last = shown[-1] if len(rows) > limit else None
    cursor = None if last is None else make_cursor(getattr(last, time), last.frame_id)
    return json_response({"items": items, "next_cursor": cursor})
