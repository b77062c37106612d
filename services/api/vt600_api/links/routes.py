"""When a device was connected, and how its link is closed."""

import uuid
from datetime import UTC, datetime, timedelta

import structlog
from fastapi import APIRouter, Response

from vt600_api.commands.asking import hand_over
from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import (
    IN_TURN,
    BoundedDb,
    CommandSender,
    CursorText,
    Db,
    DeviceId,
    Limit,
    Reader,
    ServicesDep,
)
from vt600_api.devices.routes import require_device
from vt600_api.errors import ApiError
from vt600_api.links import queries
from vt600_api.links.schemas import Disconnection, SessionPage, SessionView
from vt600_api.paging import Order
from vt600_api.positions.parameters import Since, Until, check_span
from vt600_bus.records import Downlink
from vt600_bus.topics import DOWNLINKS

router = APIRouter(prefix="/v1/devices/{device_id}", tags=["devices"])

_CLOSE_WITHIN = timedelta(seconds=60)

log = structlog.get_logger()


@router.get("/sessions", response_model=SessionPage)
async def list_sessions(
    db: BoundedDb,
    _caller: Reader,
    device_id: DeviceId,
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> SessionPage:
    """A device's links that were opened from `from` on and before `to`, the newest first unless asked otherwise."""
    check_span(since, until)
    await require_device(db, device_id)
    rows = await queries.sessions(
        db, device_id, since=since, until=until, after=_read_key(cursor), order=order, limit=limit
    )
    last = rows[limit - 1] if len(rows) > limit else None
    return SessionPage(
        items=[SessionView.model_validate(row) for row in rows[:limit]],
        next_cursor=None if last is None else make_cursor(str(last.generation), last.session_id),
    )


@router.post("/disconnect", response_model=Disconnection, status_code=202, dependencies=IN_TURN)
async def disconnect(
    db: Db, services: ServicesDep, caller: CommandSender, device_id: DeviceId, response: Response
) -> Disconnection:
    """Have the device's open link closed, this one and no newer. Most devices connect again at once."""
    await require_device(db, device_id)
    link = await queries.find_link(db, device_id)
    if link is None or link.state == "offline":
        raise ApiError(409, "no_open_link", f"Device {device_id} has no open link.")
    now = datetime.now(UTC)
    record = Downlink(
        command_id=str(uuid.uuid4()),
        attempt=1,
        device_id=device_id,
        listener_id=link.listener_id,
        session_id=link.session_id,
        generation=link.generation,
        dispatched_at=now,
        deadline_at=now + _CLOSE_WITHIN,
        payload=b"",
        reply_code="",
        action="close",
    )
    if not await hand_over(services, DOWNLINKS, device_id, record):
        raise ApiError(
            503, "bus_unavailable", "Kafka does not answer; try again. The link may still be closed within a minute."
        )
    log.info("link.close_asked", device_id=device_id, session_id=link.session_id, caller=caller.name)
    response.headers["Location"] = f"/v1/devices/{device_id}/sessions"
    return Disconnection(
        device_id=device_id, session_id=link.session_id, listener_id=link.listener_id, opened_at=link.opened_at
    )


def _read_key(cursor: str | None) -> queries.Key | None:
    if cursor is None:
        return None
    generation, session_id = read_cursor(cursor, str, str)
    if not generation.isdecimal() or int(generation) >= 2**63:
        raise ApiError(422, "invalid_cursor", "The cursor is none of ours; start without one.")
    return int(generation), session_id
