"""Ask a device to do something, see what became of it, take it back."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.commands import queries
from vt600_api.commands.asking import check, publish, second_word
from vt600_api.commands.idempotency import IdempotencyKey, claimed
from vt600_api.commands.models import Command
from vt600_api.commands.preparing import prepare
from vt600_api.commands.preparing import submit as submit_request
from vt600_api.commands.schemas import (
    CommandHistory,
    CommandPage,
    CommandState,
    CommandTypes,
    CommandTypeView,
    CommandView,
    NewCommand,
)
from vt600_api.commands.views import command_view, transition_view
from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import (
    IN_TURN,
    CommandSender,
    CursorText,
    DangerousSender,
    Db,
    DeviceId,
    Limit,
    Reader,
    ServicesDep,
)
from vt600_api.devices.routes import require_device
from vt600_api.errors import ApiError
from vt600_protocol import COMMAND_TYPES, Dialect

router = APIRouter(prefix="/v1", tags=["commands"])

CommandId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$")]

_FINAL = frozenset(("acknowledged", "failed", "expired", "cancelled", "rejected"))


@router.post(
    "/devices/{device_id}/commands",
    response_model=CommandView,
    status_code=202,
    responses={200: {"model": CommandView, "description": "The same request made this command before."}},
)
async def submit(
    services: ServicesDep,
    caller: CommandSender,
    device_id: DeviceId,
    body: NewCommand,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> CommandView:
    """Queue a command. Its state is then on `/v1/commands/{command_id}` and on the stream."""
    order = check(caller, body, device_id, services.settings)
    path = f"/v1/devices/{device_id}/commands"
    new: Sequence[Command] = ()
    async with claimed(services.sessions, caller.name, idempotency_key, path, body) as claim:
        if claim.repeated:
            response.status_code = 200
        else:
            now, settings = datetime.now(UTC), services.settings
            async with services.statements() as db:
                request = await prepare(db, settings, caller, device_id, body, order, claim.resource_id, now)
            new = await submit_request(services, request, claim)
    response.headers["Location"] = f"/v1/commands/{claim.resource_id}"
    if new:
        return command_view(new[0])
    async with services.statements() as db:
        return command_view(await _require(db, claim.resource_id))


@router.get("/command-types", response_model=CommandTypes)
async def list_command_types(_caller: Reader, dialect: Dialect | None = None) -> CommandTypes:
    """What devices can be asked to do, with the JSON Schema of each command's `args`."""
    wanted = [entry for entry in COMMAND_TYPES if dialect is None or dialect in entry.dialects]
    return CommandTypes(
        items=[
            CommandTypeView(
                name=entry.name,
                text=" ".join(entry.text.split()),
                command_class=entry.command_class,
                codes={said_in: list(codes) for said_in, codes in entry.codes.items()},
                args_schema=entry.schema,
            )
            for entry in wanted
        ]
    )


@router.get("/commands", response_model=CommandPage)
async def list_commands(
    db: Db, _caller: Reader, state: CommandState | None = None, cursor: CursorText = None, limit: Limit = 100
) -> CommandPage:
    """Commands of all devices, the newest first."""
    return await _page(db, None, state, cursor, limit)


@router.get("/devices/{device_id}/commands", response_model=CommandPage)
async def list_device_commands(
    db: Db,
    _caller: Reader,
    device_id: DeviceId,
    state: CommandState | None = None,
    cursor: CursorText = None,
    limit: Limit = 100,
) -> CommandPage:
    """Commands of one device, the newest first."""
    await require_device(db, device_id)
    return await _page(db, device_id, state, cursor, limit)


@router.get("/commands/{command_id}", response_model=CommandHistory)
async def read_command(db: Db, _caller: Reader, command_id: CommandId) -> CommandHistory:
    """One command with every change of its state."""
    command = await _require(db, command_id)
    changes = [transition_view(row) for row in await queries.transitions(db, command_id)]
    return CommandHistory(**command_view(command).model_dump(), transitions=changes)


@router.post("/commands/{command_id}/confirm", response_model=CommandView, status_code=202, dependencies=IN_TURN)
async def confirm(db: Db, services: ServicesDep, caller: DangerousSender, command_id: CommandId) -> CommandView:
    """Say the second word for a command that waits for one (`reason` is `needs_confirmation`). Without it, it is rejected."""
    command = await _require(db, command_id)
    if command.state != "queued":
        raise ApiError(409, "command_not_waiting", f"The command is {command.state} already.")
    await publish(services, second_word("confirm", caller.name, command.device_id, command_id))
    return command_view(command)


@router.post("/commands/{command_id}/cancel", response_model=CommandView, status_code=202, dependencies=IN_TURN)
async def cancel(db: Db, services: ServicesDep, caller: CommandSender, command_id: CommandId) -> CommandView:
    """Ask for the command to be taken back. It works until its bytes leave; the state tells whether it did."""
    command = await _require(db, command_id)
    if command.state in _FINAL:
        raise ApiError(409, "command_final", f"The command is {command.state} already.")
    if command.state == "unknown":
        raise ApiError(409, "cancel_too_late", "The command's bytes may have left, and it is not sent again.")
    await publish(services, second_word("cancel", caller.name, command.device_id, command_id))
    return command_view(command)


async def _require(db: AsyncSession, command_id: str) -> Command:
    command = await queries.find_command(db, command_id)
    if command is None:
        raise ApiError(404, "command_not_found", f"There is no command {command_id}.")
    return command


async def _page(
    db: Db, device_id: str | None, state: CommandState | None, cursor: str | None, limit: int
) -> CommandPage:
    key = read_cursor(cursor, datetime, str) if cursor is not None else None
    after = None if key is None else (key[0], key[1])
    rows = await queries.list_commands(db, device_id=device_id, state=state, after=after, limit=limit)
    items = [command_view(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return CommandPage(items=items, next_cursor=make_cursor(last.requested_at, last.command_id) if last else None)
