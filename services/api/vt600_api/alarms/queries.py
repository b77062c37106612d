"""SQL of alarms: pages by key, each read from one of the two indexes that hold nothing but alarms."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.paging import Order, page_by_key
from vt600_api.positions.models import Report
from vt600_api.positions.schemas import Position

Key = tuple[datetime, str, str]

_COLUMNS = [getattr(Report, name) for name in Position.model_fields]
_ALARM: ColumnElement[str] = literal_column(
    "'alarm'"
)  # as a parameter it would hide from the planner that the indexes are enough


@dataclass(frozen=True, slots=True)
class AlarmFilter:
    """Which alarms; None is no limit."""

    since: datetime | None = None
    until: datetime | None = None
    events: Sequence[str] | None = None
    device_ids: Sequence[str] | None = None


async def alarms(
    db: AsyncSession, wanted: AlarmFilter, *, after: Key | None, order: Order, limit: int
) -> Sequence[Row[Any]]:
    """Alarms by the clocks of their devices, from `since` on and before `until`; one more than `limit` when there are more."""
    query = select(*_COLUMNS).where(Report.kind == _ALARM)
    columns: list[Any] = [Report.device_time, Report.device_id, Report.frame_id]
    key: Sequence[Any] | None = after
    if wanted.device_ids is not None and len(wanted.device_ids) == 1:
        query = query.where(Report.device_id == wanted.device_ids[0])
        columns, key = columns[::2], after and after[::2]
    elif wanted.device_ids is not None:
        query = query.where(Report.device_id.in_(wanted.device_ids))
    if wanted.since is not None:
        query = query.where(Report.device_time >= wanted.since)
    if wanted.until is not None:
        query = query.where(Report.device_time < wanted.until)
    if wanted.events is not None:
        query = query.where(Report.event.in_(wanted.events))
    rows: Sequence[Row[Any]] = (await db.execute(page_by_key(query, columns, key, order, limit))).all()
    return rows
