"""SQL of tracks, newest positions and raw frames. Pages go by key, never by offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.devices.models import Device
from vt600_api.paging import Order, page_by_key
from vt600_api.positions.models import Frame, LatestPosition, Report
from vt600_api.positions.schemas import FrameView, Position
from vt600_api.positions.schemas import LatestPosition as LatestPositionView

Key = tuple[datetime, str]

_FRAME = [getattr(Frame, name) for name in FrameView.model_fields]
_LATEST = [
    getattr(Device if name in ("name", "state") else LatestPosition, name) for name in LatestPositionView.model_fields
]


@dataclass(frozen=True, slots=True)
class TrackFilter:
    """Which reports of a device; None is no limit."""

    since: datetime | None = None
    until: datetime | None = None
    late: bool | None = None
    fix_valid: bool | None = None
    kind: str | None = None


async def latest_positions(
    db: AsyncSession, *, state: str | None, device_ids: Sequence[str] | None
) -> Sequence[Row[Any]]:
    """The newest report of each device that has one."""
    query = select(*_LATEST).join(Device, Device.device_id == LatestPosition.device_id).order_by(Device.device_id)
    if state is not None:
        query = query.where(Device.state == state)
    if device_ids is not None:
        query = query.where(Device.device_id.in_(device_ids))
    rows: Sequence[Row[Any]] = (await db.execute(query)).all()
    return rows


async def track(
    db: AsyncSession,
    device_id: str,
    wanted: TrackFilter,
    *,
    after: Key | None,
    order: Order,
    limit: int,
    fields: tuple[str, ...] | None = None,
) -> Sequence[Row[Any]]:
    """Reports of a device by its clock; one more than `limit` when there are more.

    With `fields`, rows hold these first, and behind them what a cursor needs.
    """
    names = (
        tuple(Position.model_fields) if fields is None else tuple(dict.fromkeys((*fields, "device_time", "frame_id")))
    )
    query = select_track(device_id, wanted, names)
    rows: Sequence[Row[Any]] = (
        await db.execute(page_by_key(query, (Report.device_time, Report.frame_id), after, order, limit))
    ).all()
    return rows


def select_track(device_id: str, wanted: TrackFilter, names: Sequence[str]) -> Select[Any]:
    """The columns `names` of a device's reports, from `since` on and before `until`, in no order."""
    query = select(*(getattr(Report, name) for name in names)).where(Report.device_id == device_id)
    if wanted.since is not None:
        query = query.where(Report.device_time >= wanted.since)
    if wanted.until is not None:
        query = query.where(Report.device_time < wanted.until)
    for column, value in ((Report.late, wanted.late), (Report.fix_valid, wanted.fix_valid), (Report.kind, wanted.kind)):
        if value is not None:
            query = query.where(column == value)
    return query


async def frames(
    db: AsyncSession,
    device_id: str,
    *,
    since: datetime | None,
    until: datetime | None,
    after: Key | None,
    order: Order,
    limit: int,
) -> Sequence[Row[Any]]:
    """Frames of a device by their arrival; one more than `limit` when there are more."""
    query = select(*_FRAME).where(Frame.device_id == device_id)
    if since is not None:
        query = query.where(Frame.received_at >= since)
    if until is not None:
        query = query.where(Frame.received_at < until)
    rows: Sequence[Row[Any]] = (
        await db.execute(page_by_key(query, (Frame.received_at, Frame.frame_id), after, order, limit))
    ).all()
    return rows
