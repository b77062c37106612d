"""SQL of trips and stops as they are read. Pages go by key, never by offset."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.paging import Order, page_by_key
from vt600_api.trips.models import Stop, Trip

Key = tuple[datetime, str]


@dataclass(frozen=True, slots=True)
class SegmentFilter:
    """Which trips or stops; None is no limit. `since` and `until` are about their beginnings."""

    since: datetime | None = None
    until: datetime | None = None
    is_open: bool | None = None
    device_ids: Sequence[str] | None = None


async def segments(
    db: AsyncSession, table: type[Trip | Stop], wanted: SegmentFilter, *, after: Key | None, order: Order, limit: int
) -> Sequence[Row[Any]]:
    """Trips or stops by their beginnings; one more than `limit` when there are more."""
    query = select(
        *(column for name, column in table.__table__.columns.items() if name not in {"frame_id", "certain_at"})
    )
    columns: list[Any] = [table.started_at, table.device_id]
    key: Sequence[Any] | None = after
    if wanted.device_ids is not None and len(wanted.device_ids) == 1:
        query = query.where(table.device_id == wanted.device_ids[0])
        columns, key = columns[:1], after and after[:1]
    elif wanted.device_ids is not None:
        query = query.where(table.device_id.in_(wanted.device_ids))
    if wanted.since is not None:
        query = query.where(table.started_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(table.started_at < wanted.until)
    if wanted.is_open is not None:
        query = query.where(table.ended_at.is_(None) if wanted.is_open else table.ended_at.is_not(None))
    rows: Sequence[Row[Any]] = (await db.execute(page_by_key(query, columns, key, order, limit))).all()
    return rows
