"""One command for one device, looked at as of now and stored as asked for. What is left is to publish it."""

from datetime import datetime

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.commands import queries
from vt600_api.commands.asking import Order, require_room
from vt600_api.commands.interlock import guard
from vt600_api.commands.schemas import NewCommand
from vt600_api.devices.routes import require_device
from vt600_api.settings import CommandSettings
from vt600_bus.records import CommandRequest


async def prepare(
    db: AsyncSession,
    settings: CommandSettings,
    caller: Caller,
    device_id: str,
    body: NewCommand,
    order: Order,
    command_id: str,
    now: datetime,
) -> CommandRequest:
    """The request, whose command is `queued` once the transaction is; ApiError when the device must not get it as things are."""
    device = await require_device(db, device_id)
    await require_room(db, device_id, 1, settings)
    waits_for = await guard(db, caller, device, body, order.command, settings, now)
    request = CommandRequest(
        command_id=command_id,
        device_id=device_id,
        action="submit",
        requested_at=now,
        requested_by=caller.name,
        type=order.type,
        args=order.args,
        deadline_at=now + order.wait,
        queue=body.queue,
        output_bytes=device.settings.get("output_bytes"),
        **structs.asdict(waits_for),
    )
    await queries.add_requested(db, request)
    return request
