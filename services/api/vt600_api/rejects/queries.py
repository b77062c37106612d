"""SQL of rejects: pages by key, with an index for each of the filters."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, literal_column, select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.paging import Order, page_by_key
from vt600_api.positions.models import HOST_OF_PEER, Reject
from vt600_api.positions.queries import Key
from vt600_api.rejects.schemas import RejectView

_COLUMNS = [getattr(Reject, name) for name in RejectView.model_fields]


@dataclass(frozen=True, slots=True)
class RejectFilter:
    """Which rejects; None is no limit."""

    since: datetime | None = None
    until: datetime | None = None
    host: str | None = None
    reason: str | None = None


async def rejects(
    db: AsyncSession, wanted: RejectFilter, *, after: Key | None, order: Order, limit: int
) -> Sequence[Row[Any]]:
    """Rejects by their arrival, from `since` on and before `until`; one more than `limit` when there are more."""
    query = select(*_COLUMNS)
    if wanted.since is not None:
        query = query.where(Reject.received_at >= wanted.since)
    if wanted.until is not None:
        query = query.where(Reject.received_at < wanted.until)
    if wanted.host is not None:
        host: ColumnElement[str] = literal_column(HOST_OF_PEER.text)
        query = query.where(host == wanted.host)
    if wanted.reason is not None:
        query = query.where(Reject.reason == wanted.reason)
    query = page_by_key(query, (Reject.received_at, Reject.reject_id), after, order, limit)
    rows: Sequence[Row[Any]] = (await db.execute(query)).all()
    return rows
