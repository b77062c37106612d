"""One command for one device, looked at as of now; and what then is done with it."""

from collections.abc import Sequence
from datetime import datetime

from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.commands import queries
from vt600_api.commands.asking import Order, publish, require_room, take_back
from vt600_api.commands.idempotency import Claim
from vt600_api.commands.interlock import guard
from vt600_api.commands.models import Command
from vt600_api.commands.schemas import NewCommand
from vt600_api.dependencies import Services
from vt600_api.errors import DATABASE_ERRORS
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
    """The request; ApiError when the device must not get it as things are."""
    device = await require_room(db, device_id, 1, settings)
    waits_for = await guard(db, caller, device, body, order.command, settings, now)
    return CommandRequest(
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


async def submit(services: Services, request: CommandRequest, claim: Claim) -> Sequence[Command]:
    """Put the request on the bus, then store what was asked for; the commands that are new. Nothing of the database is held while
    Kafka is slow."""
    await publish(services, request, can_be_repeated=claim.key is not None)
    try:
        async with services.statements() as db:
            new = await queries.add_requested(db, request)
            await claim.done(db)
    except DATABASE_ERRORS:
        if claim.key is None:
            take_back(services, request)
        raise
    return new
