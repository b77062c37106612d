"""SQL of links."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.links.models import DeviceLink, DeviceSession
from vt600_api.paging import Order, page_by_key

Key = tuple[int, str]


async def find_link(db: AsyncSession, device_id: str) -> DeviceLink | None:
    """Whether the device can be reached; None when it never connected."""
    return await db.get(DeviceLink, device_id)


async def sessions(
    db: AsyncSession,
    device_id: str,
    *,
    since: datetime | None,
    until: datetime | None,
    after: Key | None,
    order: Order,
    limit: int,
) -> Sequence[DeviceSession]:
    """Links of a device that were opened from `since` on and before `until`; one more than `limit` when there are more."""
    query = select(DeviceSession).where(DeviceSession.device_id == device_id)
    if since is not None:
        query = query.where(DeviceSession.opened_at >= since)
    if until is not None:
        query = query.where(DeviceSession.opened_at < until)
    columns = (DeviceSession.generation, DeviceSession.session_id)
    rows: Sequence[DeviceSession] = (await db.execute(page_by_key(query, columns, after, order, limit))).scalars().all()
    return rows
