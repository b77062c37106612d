"""SQL of the registry."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.devices.models import Device
from vt600_api.links.models import DeviceLink


async def list_devices(
    db: AsyncSession,
    *,
    state: str | None,
    group: str | None,
    link: str | None,
    search: str | None,
    after: str | None,
    limit: int,
) -> Sequence[tuple[Device, DeviceLink | None]]:
    """Devices with their links, in the order of their identities, behind `after`; one more than `limit` when there are more."""
    query = (
        select(Device, DeviceLink)
        .outerjoin(DeviceLink, DeviceLink.device_id == Device.device_id)
        .where(*matching(state, group, search))
        .order_by(Device.device_id)
        .limit(limit + 1)
    )
    if link is not None:
        query = query.where(func.coalesce(DeviceLink.state, "offline") == link)
    if after is not None:
        query = query.where(Device.device_id > after)
    return [(device, found) for device, found in (await db.execute(query)).all()]


def matching(state: str | None, group: str | None, search: str | None) -> list[ColumnElement[bool]]:
    """The conditions for devices of a group in a state whose identity or name has the text."""
    conditions: list[ColumnElement[bool]] = []
    if state is not None:
        conditions.append(Device.state == state)
    if group is not None:
        conditions.append(Device.group == group)
    if search:
        conditions.append(
            or_(Device.device_id.contains(search, autoescape=True), Device.name.icontains(search, autoescape=True))
        )
    return conditions


async def find_device(db: AsyncSession, device_id: str, *, lock: bool = False) -> Device | None:
    """The device, None when nobody ever saw or registered it."""
    return await db.get(Device, device_id, with_for_update=lock)


async def create_device(db: AsyncSession, device_id: str, name: str | None, group: str | None) -> Device | None:
    """Register a device as active; None when it exists already."""
    values = {"device_id": device_id, "name": name, "group_name": group, "state": "active", "adopted_at": func.now()}
    query = insert(Device).values(values).on_conflict_do_nothing().returning(Device)
    return (await db.execute(query)).scalar_one_or_none()
