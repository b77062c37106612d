"""Newest positions, tracks and raw frames."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import AfterValidator, AwareDatetime
from sqlalchemy import Row

from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import STORABLE, CursorText, Db, DeviceId, Limit, RawReader, Reader
from vt600_api.devices.routes import require_device
from vt600_api.devices.schemas import DeviceState
from vt600_api.errors import ApiError
from vt600_api.positions import queries
from vt600_api.positions.queries import Order, TrackFilter
from vt600_api.positions.schemas import FramePage, LatestPosition, LatestPositions, PositionPage
from vt600_api.responses import json_response

router = APIRouter(prefix="/v1", tags=["positions"])


def _in_utc(time: datetime) -> datetime:
    try:
        return time.astimezone(UTC)
    except OverflowError:
        raise ValueError("outside the years 1 to 9999 in UTC") from None


_Time = Annotated[AwareDatetime, AfterValidator(_in_utc)]
Since = Annotated[_Time | None, Query(alias="from", description="From this time on, with its offset.")]
Until = Annotated[_Time | None, Query(alias="to", description="Before this time, with its offset.")]

_MAX_DEVICES = 1000


@router.get("/positions/latest", response_model=LatestPositions)
async def latest_of_all(
    db: Db,
    _caller: Reader,
    state: DeviceState | Literal["all"] = "all",
    devices: Annotated[
        str | None, Query(max_length=20_000, pattern=STORABLE, description="Identities, parted by commas.")
    ] = None,
) -> Response:
    """The newest report of every device, or of those named."""
    wanted = devices.split(",") if devices else None
    if wanted is not None and len(wanted) > _MAX_DEVICES:
        raise ApiError(422, "too_many_devices", f"At most {_MAX_DEVICES} devices can be named.")
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


@router.get("/devices/{device_id}/positions", response_model=PositionPage)
async def track(
    db: Db,
    _caller: Reader,
    device_id: DeviceId,
    since: Since = None,
    until: Until = None,
    late: bool | None = None,  # noqa: FBT001 - a query parameter
    fix_valid: bool | None = None,  # noqa: FBT001
    kind: Literal["position", "alarm"] | None = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """A device's track by its own clock, page by page, the newest first unless asked otherwise."""
    _check_span(since, until)
    await require_device(db, device_id)
    wanted = TrackFilter(since=since, until=until, late=late, fix_valid=fix_valid, kind=kind)
    after = _read_key(cursor)
    rows = await queries.track(db, device_id, wanted, after=after, order=order, limit=limit)
    return _page(rows, limit, "device_time")


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
    _check_span(since, until)
    await require_device(db, device_id)
    after = _read_key(cursor)
    rows = await queries.frames(db, device_id, since=since, until=until, after=after, order=order, limit=limit)
    return _page(rows, limit, "received_at")


def _check_span(since: datetime | None, until: datetime | None) -> None:
    if since is not None and until is not None and since >= until:
        raise ApiError(422, "invalid_span", "`from` must be before `to`.")


def _read_key(cursor: str | None) -> tuple[datetime, str] | None:
    if cursor is None:
        return None
    time, frame_id = read_cursor(cursor, datetime, str)
    if len(frame_id) != 32 or not all(digit in "0123456789abcdef" for digit in frame_id):
        raise ApiError(422, "invalid_cursor", "The cursor is none of ours; start without one.")
    return time, frame_id


def _page(rows: Sequence[Row[Any]], limit: int, time: str) -> Response:
    items = [row._asdict() for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return json_response({"items": items, "next_cursor": make_cursor(last[time], last["frame_id"]) if last else None})
