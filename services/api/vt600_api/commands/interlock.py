"""What must be so before an engine is cut: looked at here, and again by the listener right before it writes."""

from datetime import datetime, timedelta

from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.commands.schemas import NewCommand, NewStep
from vt600_api.devices.models import Device
from vt600_api.devices.settings import DeviceSettings
from vt600_api.errors import ApiError
from vt600_api.positions.models import LatestPosition
from vt600_api.settings import CommandSettings
from vt600_bus.records import Interlock
from vt600_protocol import Command, engine_cut, with_own_interlock


class Guard(Struct, frozen=True):
    """What a command waits for: an interlock or the reason why it was overridden, and a confirmation."""

    interlock: Interlock | None = None
    override_reason: str | None = None
    confirm_by: datetime | None = None


async def guard(
    db: AsyncSession,
    caller: Caller,
    device: Device,
    asked: NewCommand | NewStep,
    command: Command,
    settings: CommandSettings,
    now: datetime,
) -> Guard:
    """What the command waits for. ApiError `interlock_…` (409) when the engine must not be cut as things are."""
    cut = engine_cut(command)
    if cut == "no":
        return Guard()
    confirm_by = now + timedelta(seconds=settings.confirm_s) if settings.confirm_s else None
    if asked.override_reason is not None:
        caller.require("send:commands:override")
        return Guard(override_reason=asked.override_reason, confirm_by=confirm_by)
    interlock = _interlock_of(device, settings)
    if cut == "later":
        raise ApiError(
            409, "interlock_not_possible", "It would cut the engine at a time when nobody looks at the speed."
        )
    own_kmh = getattr(with_own_interlock(command), "safe_speed_kmh", None)
    if own_kmh is not None and own_kmh > interlock.max_speed_kmh:
        raise ApiError(
            409, "interlock_speed", f"The unit's own limit of {own_kmh} km/h is above {interlock.max_speed_kmh:g} km/h."
        )
    await _require_slow(db, device.device_id, interlock, now)
    return Guard(interlock, None, confirm_by)


def _interlock_of(device: Device, settings: CommandSettings) -> Interlock:
    own = DeviceSettings.model_validate(device.settings)
    return Interlock(
        max_speed_kmh=settings.interlock_speed_kmh if own.interlock_speed_kmh is None else own.interlock_speed_kmh,
        max_fix_age_s=settings.interlock_fix_age_s if own.interlock_fix_age_s is None else own.interlock_fix_age_s,
    )


async def _require_slow(db: AsyncSession, device_id: str, interlock: Interlock, now: datetime) -> None:
    latest = await db.get(LatestPosition, device_id)
    if latest is None or latest.fix_time is None or latest.speed_kmh is None:
        raise ApiError(409, "interlock_no_fix", "It is not known how fast the vehicle is.")
    age_s = (now - latest.fix_time).total_seconds()
    if age_s > interlock.max_fix_age_s:
        raise ApiError(
            409, "interlock_no_fix", f"The newest fix is {age_s:.0f} s old; {interlock.max_fix_age_s:g} s are allowed."
        )
    if latest.speed_kmh >= interlock.max_speed_kmh:
        raise ApiError(
            409,
            "interlock_speed",
            f"The vehicle does {latest.speed_kmh:g} km/h; the engine is cut below {interlock.max_speed_kmh:g} km/h.",
        )
