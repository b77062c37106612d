"""Ask a device to do something, see what became of it, take it back."""

import asyncio
import uuid
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Path, Response

from vt600_api.commands import queries
from vt600_api.commands.danger import is_dangerous
from vt600_api.commands.models import Command
from vt600_api.commands.schemas import (
    CommandHistory,
    CommandPage,
    CommandState,
    CommandTypes,
    CommandTypeView,
    CommandView,
    NewCommand,
    TransitionView,
)
from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import CommandSender, CursorText, Db, DeviceId, Limit, Reader, Services, ServicesDep
from vt600_api.devices.routes import require_device
from vt600_api.errors import ApiError
from vt600_bus import PublisherFull
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS
from vt600_protocol import COMMAND_TYPES, CommandError, Dialect, build_command, command_type

router = APIRouter(prefix="/v1", tags=["commands"])

CommandId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$")]

_DEADLINES = {"actuating": timedelta(seconds=60), "setting": timedelta(hours=24), "query": timedelta(hours=24)}
_FINAL = frozenset(("acknowledged", "failed", "expired", "cancelled", "rejected"))


@router.post("/devices/{device_id}/commands", response_model=CommandView, status_code=202)
async def submit(
    db: Db, services: ServicesDep, caller: CommandSender, device_id: DeviceId, body: NewCommand, response: Response
) -> CommandView:
    """Queue a command. Its state is then on `/v1/commands/{command_id}` and on the stream."""
    try:
        command = build_command(body.type, body.args)
    except CommandError as error:
        where = "type" if error.argument == "type" else f"args.{error.argument}"
        raise ApiError(
            422, "invalid_command_argument", str(error), errors=[{"where": where, "message": str(error)}]
        ) from error
    if is_dangerous(command):
        caller.require("send:commands:dangerous")
    device = await require_device(db, device_id)
    now = datetime.now(UTC)
    seconds = body.deadline_s
    wait = _DEADLINES[command_type(command).command_class] if seconds is None else timedelta(seconds=seconds)
    request = CommandRequest(
        command_id=str(uuid.uuid4()),
        device_id=device_id,
        action="submit",
        requested_at=now,
        requested_by=caller.name,
        type=body.type,
        args=body.args,
        deadline_at=now + wait,
        queue=body.queue,
        output_bytes=device.settings.get("output_bytes"),
    )
    await queries.add_requested(db, request)
    await _publish(services, request)
    response.headers["Location"] = f"/v1/commands/{request.command_id}"
    found = await queries.find_command(db, request.command_id)
    assert found is not None  # noqa: S101 - inserted above
    return _view(found)


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
    changes = [TransitionView.model_validate(row) for row in await queries.transitions(db, command_id)]
    return CommandHistory(**_view(command).model_dump(), transitions=changes)


@router.post("/commands/{command_id}/cancel", response_model=CommandView, status_code=202)
async def cancel(db: Db, services: ServicesDep, caller: CommandSender, command_id: CommandId) -> CommandView:
    """Ask for the command to be taken back. It works until its bytes leave; the state tells whether it did."""
    command = await _require(db, command_id)
    if command.state in _FINAL:
        raise ApiError(409, "command_final", f"The command is {command.state} already.")
    request = CommandRequest(
        command_id=command_id,
        device_id=command.device_id,
        action="cancel",
        requested_at=datetime.now(UTC),
        requested_by=caller.name,
    )
    await _publish(services, request)
    return _view(command)


async def _publish(services: Services, request: CommandRequest) -> None:
    """Wait until the broker holds the request; ApiError `bus_unavailable` when it does not answer."""
    away = ApiError(503, "bus_unavailable", "Kafka does not answer; nothing was queued. Try again.")
    if not services.publisher.healthy:
        raise away
    try:
        future = services.publisher.publish(COMMAND_REQUESTS, request.device_id, request)
    except PublisherFull:
        raise away from None
    done, _pending = await asyncio.wait({future}, timeout=services.settings.bus_timeout_s)
    if not done:
        if request.action == "submit":
            _take_back(services, request)
        raise ApiError(
            503,
            "bus_unavailable",
            f"Kafka did not answer in time. The request may still be carried out: look for command {request.command_id}.",
        )
    if future.exception() is not None:
        raise away


def _take_back(services: Services, request: CommandRequest) -> None:
    """Cancel what nobody may count on any more: the request cannot be recalled, but what follows it is read after it."""
    with suppress(PublisherFull):
        services.publisher.publish(
            COMMAND_REQUESTS,
            request.device_id,
            CommandRequest(
                command_id=request.command_id,
                device_id=request.device_id,
                action="cancel",
                requested_at=datetime.now(UTC),
                requested_by=request.requested_by,
            ),
        )


async def _require(db: Db, command_id: str) -> Command:
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
    items = [_view(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return CommandPage(items=items, next_cursor=make_cursor(last.requested_at, last.command_id) if last else None)


def _view(command: Command) -> CommandView:
    return CommandView(
        command_id=command.command_id,
        revision=command.revision,
        device_id=command.device_id,
        type=command.type,
        args=command.args,
        state=command.state,
        at=command.at,
        requested_at=command.requested_at,
        requested_by=command.requested_by,
        deadline_at=command.deadline_at,
        attempt=command.attempt,
        reason=command.reason,
        listener_id=command.listener_id,
        session_id=command.session_id,
        written_hex=None if command.written is None else command.written.hex(),
        reply_hex=None if command.reply is None else command.reply.hex(),
        reply_text=command.reply_text,
    )
