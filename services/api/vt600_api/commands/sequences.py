"""Commands that a device carries out one after the other."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from msgspec import structs
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.commands import queries
from vt600_api.commands.asking import Order, check, new_ids, publish, require_room, second_word
from vt600_api.commands.idempotency import IdempotencyKey, claimed
from vt600_api.commands.interlock import guard
from vt600_api.commands.models import Command
from vt600_api.commands.preparing import submit as submit_request
from vt600_api.commands.schemas import NewSequence, SequencePage, SequenceView
from vt600_api.commands.views import WAITING, sequence_view
from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import (
    IN_TURN,
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
from vt600_api.settings import CommandSettings
from vt600_bus import encode
from vt600_bus.records import CommandRequest, CommandStep

router = APIRouter(prefix="/v1", tags=["commands"])

SequenceId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$")]

_MAX_REQUEST_BYTES = 64 * 1024  # what the commander reads as one


@router.post(
    "/devices/{device_id}/command-sequences",
    response_model=SequenceView,
    status_code=202,
    responses={200: {"model": SequenceView, "description": "The same request made this sequence before."}},
)
async def submit_sequence(
    services: ServicesDep,
    caller: CommandSender,
    device_id: DeviceId,
    body: NewSequence,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> SequenceView:
    """Queue commands of which each is sent once the one before it was acknowledged."""
    path = f"/v1/devices/{device_id}/command-sequences"
    orders = [
        check(caller, step, device_id, services.settings, f"commands.{number}.")
        for number, step in enumerate(body.commands)
    ]
    async with claimed(services.sessions, caller.name, idempotency_key, path, body) as claim:
        if claim.repeated:
            response.status_code = 200
        else:
            async with services.statements() as db:
                request = await _prepare(db, services.settings, caller, device_id, body, orders, claim.resource_id)
            await submit_request(services, request, claim)
    response.headers["Location"] = f"/v1/command-sequences/{claim.resource_id}"
    async with services.statements() as db:
        return sequence_view(await _require(db, claim.resource_id))


@router.get("/devices/{device_id}/command-sequences", response_model=SequencePage)
async def list_sequences(
    db: Db, _caller: Reader, device_id: DeviceId, cursor: CursorText = None, limit: Limit = 100
) -> SequencePage:
    """Sequences of one device, the newest first."""
    await require_device(db, device_id)
    key = read_cursor(cursor, datetime, str) if cursor is not None else None
    after = None if key is None else (key[0], key[1])
    rows = await queries.list_sequences(db, device_id, after=after, limit=limit)
    items = [sequence_view(commands) for commands in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return SequencePage(items=items, next_cursor=make_cursor(last.requested_at, last.sequence_id) if last else None)


@router.get("/command-sequences/{sequence_id}", response_model=SequenceView)
async def read_sequence(db: Db, _caller: Reader, sequence_id: SequenceId) -> SequenceView:
    """One sequence with its commands."""
    return sequence_view(await _require(db, sequence_id))


@router.post(
    "/command-sequences/{sequence_id}/cancel", response_model=SequenceView, status_code=202, dependencies=IN_TURN
)
async def cancel_sequence(
    db: Db, services: ServicesDep, caller: CommandSender, sequence_id: SequenceId
) -> SequenceView:
    """Ask for what has not been sent yet to be taken back. What is under way ends as it does."""
    commands = await _require(db, sequence_id)
    waiting = [command for command in commands if command.state in WAITING]
    if not waiting:
        raise ApiError(409, "sequence_final", "Every command of the sequence has ended.")
    for command in reversed(waiting):
        await publish(services, second_word("cancel", caller.name, command.device_id, command.command_id))
    return sequence_view(commands)


async def _prepare(
    db: AsyncSession,
    settings: CommandSettings,
    caller: Caller,
    device_id: str,
    body: NewSequence,
    orders: Sequence[Order],
    sequence_id: str,
) -> CommandRequest:
    device = await require_room(db, device_id, len(orders), settings)
    now = datetime.now(UTC)
    steps = []
    for name, order, step in zip(new_ids(sequence_id, len(orders)), orders, body.commands, strict=True):
        waits_for = await guard(db, caller, device, step, order.command, settings, now)
        steps.append(
            CommandStep(
                command_id=name,
                type=order.type,
                args=order.args,
                deadline_at=now + order.wait,
                **structs.asdict(waits_for),
            )
        )
    request = CommandRequest(
        command_id=sequence_id,
        device_id=device_id,
        action="submit",
        requested_at=now,
        requested_by=caller.name,
        output_bytes=device.settings.get("output_bytes"),
        steps=tuple(steps),
    )
    if len(encode(request)) > _MAX_REQUEST_BYTES:
        raise ApiError(413, "body_too_large", f"A sequence may have {_MAX_REQUEST_BYTES} bytes.")
    return request


async def _require(db: AsyncSession, sequence_id: str) -> list[Command]:
    commands = list(await queries.find_sequence(db, sequence_id))
    if not commands:
        raise ApiError(404, "sequence_not_found", f"There is no sequence {sequence_id}.")
    return commands
