"""`/v1/devices`: list, read, register, rename, adopt."""

from datetime import UTC, datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import STORABLE, CursorText, Db, DeviceId, DeviceWriter, Limit, Reader
from vt600_api.devices import queries
from vt600_api.devices.models import Device
from vt600_api.devices.schemas import Adoption, DeviceChange, DevicePage, DeviceState, DeviceView, NewDevice
from vt600_api.devices.settings import DeviceSettings
from vt600_api.errors import ApiError
from vt600_api.links.models import DeviceLink
from vt600_api.links.queries import find_link
from vt600_api.links.schemas import LinkState, LinkView

router = APIRouter(prefix="/v1/devices", tags=["devices"])


async def require_device(db: AsyncSession, device_id: str, *, lock: bool = False) -> Device:
    """The device; ApiError `device_not_found` when there is none."""
    device = await queries.find_device(db, device_id, lock=lock)
    if device is None:
        raise device_not_found(device_id)
    return device


def device_not_found(device_id: str) -> ApiError:
    """What is said of a device that there is not."""
    return ApiError(404, "device_not_found", f"No device {device_id} was registered or ever reported.")


@router.get("", response_model=DevicePage)
async def list_devices(
    db: Db,
    _caller: Reader,
    state: DeviceState | None = None,
    group: Annotated[str | None, Query(max_length=100, pattern=STORABLE)] = None,
    link: LinkState | None = None,
    q: Annotated[
        str | None, Query(max_length=100, pattern=STORABLE, description="Part of the identity or the name.")
    ] = None,
    cursor: CursorText = None,
    limit: Limit = 100,
) -> DevicePage:
    """Devices in the order of their identities; `state=pending` lists those that nobody registered, `link=online` who can be reached."""
    after = read_cursor(cursor, str)[0] if cursor is not None else None
    rows = await queries.list_devices(db, state=state, group=group, link=link, search=q, after=after, limit=limit)
    page = [_view(device, found) for device, found in rows[:limit]]
    return DevicePage(items=page, next_cursor=make_cursor(page[-1].device_id) if len(rows) > limit else None)


@router.post("", response_model=DeviceView, status_code=201)
async def create_device(db: Db, _caller: DeviceWriter, body: NewDevice, response: Response) -> DeviceView:
    """Register a device before it reports."""
    device = await queries.create_device(db, body.device_id, body.name, body.group)
    if device is None:
        raise ApiError(
            409, "device_exists", f"Device {body.device_id} exists already; adopt it when it is pending, or rename it."
        )
    response.headers["Location"] = f"/v1/devices/{device.device_id}"
    return await _view_of(db, device)


@router.get("/{device_id}", response_model=DeviceView)
async def read_device(db: Db, _caller: Reader, device_id: DeviceId) -> DeviceView:
    """One device."""
    return await _view_of(db, await require_device(db, device_id))


@router.patch("/{device_id}", response_model=DeviceView)
async def change_device(db: Db, _caller: DeviceWriter, device_id: DeviceId, body: DeviceChange) -> DeviceView:
    """Give the device another name or group, or none, and other settings. History keeps the old ones until it is read again (redecode)."""
    device = await require_device(db, device_id, lock=True)
    if "name" in body.model_fields_set:
        device.name = body.name
    if "group" in body.model_fields_set:
        device.group = body.group
    if body.settings:
        device.settings = _checked({**device.settings, **body.settings})
    return await _view_of(db, device)


def _checked(settings: dict[str, Any]) -> dict[str, Any]:
    try:
        return DeviceSettings.model_validate(settings).model_dump(exclude_defaults=True)
    except ValidationError as error:
        errors = [
            {"where": f"body.settings.{'.'.join(map(str, item['loc']))}", "message": item["msg"]}
            for item in error.errors()
        ]
        raise ApiError(422, "invalid_request", "The settings are not valid.", errors=errors) from error


@router.post("/{device_id}/adopt", response_model=DeviceView)
async def adopt_device(db: Db, _caller: DeviceWriter, device_id: DeviceId, body: Adoption | None = None) -> DeviceView:
    """Take a pending device on. Its track is there from the first frame. Adopting an active device changes nothing but its name."""
    device = await require_device(db, device_id, lock=True)
    if device.state == "pending":
        device.state, device.adopted_at = "active", datetime.now(UTC)
    if body is not None and body.name is not None:
        device.name = body.name
    return await _view_of(db, device)


async def _view_of(db: AsyncSession, device: Device) -> DeviceView:
    return _view(device, await find_link(db, device.device_id))


def _view(device: Device, link: DeviceLink | None) -> DeviceView:
    view = DeviceView.model_validate(device)
    if link is not None:
        view.link = LinkView.model_validate(link)
    return view
