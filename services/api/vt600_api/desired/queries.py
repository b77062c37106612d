"""SQL of desired settings. Whoever changes those of a device holds the lock on it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import and_, func, or_, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.commands.models import Command
from vt600_api.desired.models import DesiredSetting
from vt600_api.devices.models import Device
from vt600_api.links.models import DeviceLink

WAITING = ("queued", "dispatched", "written")

_AT_ONCE = 500
_SPACE = 0x44_53  # of advisory locks of two numbers; the second is of the device


async def lock(db: AsyncSession, device_id: str) -> None:
    """Wait until nobody else works on the device's settings."""
    await db.execute(text("SELECT pg_advisory_xact_lock(:space, hashtext(:device))"), _names(device_id))


async def lock_if_free(db: AsyncSession, device_id: str) -> bool:
    """False when somebody works on the device's settings."""
    query = text("SELECT pg_try_advisory_xact_lock(:space, hashtext(:device))")
    return bool(await db.scalar(query, _names(device_id)))


def _names(device_id: str) -> dict[str, object]:
    return {"space": _SPACE, "device": device_id}


async def settings_of(db: AsyncSession, device_id: str) -> Sequence[DesiredSetting]:
    """All of a device, in the order of their names."""
    query = select(DesiredSetting).where(DesiredSetting.device_id == device_id).order_by(DesiredSetting.setting)
    return (await db.execute(query)).scalars().all()


async def due(db: AsyncSession) -> Sequence[str]:
    """Devices with something that can be done now: some, when there are many."""
    query = (
        select(DesiredSetting.device_id)
        .distinct()
        .join(Device, Device.device_id == DesiredSetting.device_id)
        .outerjoin(DeviceLink, DeviceLink.device_id == DesiredSetting.device_id)
        .outerjoin(Command, Command.command_id == DesiredSetting.command_id)
        .where(
            DesiredSetting.work.is_not(None),
            or_(
                DesiredSetting.request.is_not(None),
                and_(
                    DesiredSetting.work.in_(("setting", "reading", "replaced")),
                    func.coalesce(Command.state, "unknown").not_in(WAITING),
                ),
                and_(
                    DesiredSetting.work.in_(("set", "read")),
                    DesiredSetting.next_at <= func.now(),
                    DeviceLink.state != "offline",
                    Device.dialect.is_not(None),
                ),
            ),
        )
        .limit(_AT_ONCE)
    )
    return (await db.execute(query)).scalars().all()


async def clock(db: AsyncSession) -> datetime:
    """The store's time."""
    now: datetime = (await db.execute(select(func.clock_timestamp()))).scalar_one()
    return now
