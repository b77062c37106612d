"""`/v1/devices/{device_id}/desired-settings`: what a device shall be set to, and whether it is."""

import uuid
from collections.abc import Collection
from datetime import datetime
from typing import Annotated, cast

from fastapi import APIRouter, Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.commands.asking import publish, second_word
from vt600_api.dependencies import IN_TURN, CommandSender, Db, DeviceId, Reader, Services, ServicesDep
from vt600_api.desired import queries
from vt600_api.desired.models import DesiredSetting
from vt600_api.desired.schemas import DesiredSettings, SettingsView
from vt600_api.desired.views import settings_view
from vt600_api.desired.ways import DANGEROUS, say
from vt600_api.devices.models import Device
from vt600_api.devices.routes import require_device
from vt600_api.errors import ApiError
from vt600_api.links.queries import find_link
from vt600_bus import decode
from vt600_bus.records import CommandRequest
from vt600_protocol import Dialect

router = APIRouter(prefix="/v1/devices/{device_id}/desired-settings", tags=["devices"])


@router.get("", response_model=SettingsView)
async def read_desired_settings(db: Db, _caller: Reader, device_id: DeviceId) -> SettingsView:
    """What the device shall be set to, and whether it is."""
    return await _view(db, await require_device(db, device_id))


@router.put("", response_model=SettingsView, dependencies=IN_TURN)
async def put_desired_settings(
    db: Db, services: ServicesDep, caller: CommandSender, device_id: DeviceId, body: DesiredSettings
) -> SettingsView:
    """Say all that the device shall be set to. What differs is sent to it once it can be reached, until it has confirmed it. A setting
    that it refused is asked for again. `server` and `apn` need the scope `send:commands:dangerous`."""
    device = await require_device(db, device_id)
    await queries.lock(db, device_id)
    rows = {row.setting: row for row in await queries.settings_of(db, device_id)}
    desired = body.model_dump(exclude_none=True)
    changed = [name for name, value in desired.items() if not _is_wanted_already(rows.get(name), value)]
    if DANGEROUS.intersection(changed):
        caller.require("send:commands:dangerous")
    for name in rows.keys() - desired.keys():
        await _take_back(services, caller, rows[name], rows.values())
        await db.delete(rows[name])
    now = await queries.clock(db)
    for name in changed:
        row = rows.get(name)
        if row is None:
            row = DesiredSetting(device_id=device_id, setting=name)
            db.add(row)
        else:
            await _take_back(services, caller, row, rows.values())
        _want(row, desired[name], caller, now)
        if device.dialect is not None:
            said = say(device_id, cast("Dialect", device.dialect), name, desired)
            if isinstance(said, str) and row.work == "set":
                row.state, row.reason, row.work = "not_supported", said, None
    await db.flush()
    return await _view(db, device)


@router.delete("/{setting}", status_code=204, response_class=Response, dependencies=IN_TURN)
async def delete_desired_setting(
    db: Db,
    services: ServicesDep,
    caller: CommandSender,
    device_id: DeviceId,
    setting: Annotated[str, Path(pattern="^[a-z_]{1,50}$")],
) -> None:
    """Leave a setting to the device: it stays as it is, and a command for it that has not left is taken back."""
    await require_device(db, device_id)
    await queries.lock(db, device_id)
    rows = {row.setting: row for row in await queries.settings_of(db, device_id)}
    if setting not in rows:
        raise ApiError(404, "setting_not_found", f"Nothing is desired for {setting}.")
    await _take_back(services, caller, rows[setting], rows.values())
    await db.delete(rows[setting])


def _is_wanted_already(row: DesiredSetting | None, value: object) -> bool:
    return row is not None and row.value == value and row.state in ("in_sync", "pending")


async def _take_back(services: Services, caller: Caller, row: DesiredSetting, rows: Collection[DesiredSetting]) -> None:
    """Ask for the command that tells the setting not to be carried out; others that share it are told anew.

    What may not be on the bus is put there first, so that it ends.
    """
    if row.request is not None:
        await publish(services, decode(CommandRequest, row.request), can_be_repeated=True)
        row.request = None
    if row.work == "setting" and row.command_id is not None:
        await publish(services, second_word("cancel", caller.name, row.device_id, row.command_id))
        for other in rows:
            if other.command_id == row.command_id and other.work == "setting":
                other.work = "replaced"


def _want(row: DesiredSetting, value: object, caller: Caller, now: datetime) -> None:
    row.work = "replaced" if row.work in ("setting", "reading", "replaced") else "set"
    row.value, row.changed_at, row.changed_by, row.change_id = value, now, caller.name, str(uuid.uuid4())
    row.state, row.since, row.reason = "pending", now, None
    row.confirmed_by = row.confirmed_at = row.reported = None
    row.attempts, row.next_at = 0, now


async def _view(db: AsyncSession, device: Device) -> SettingsView:
    rows = await queries.settings_of(db, device.device_id)
    return settings_view(device, await find_link(db, device.device_id), rows)
