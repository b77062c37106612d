"""What somebody asks of a device: checked here, and put on the bus for the commander."""

import asyncio
import uuid
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, NamedTuple, Protocol, TypeVar

import structlog
from msgspec import Struct
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.commands import queries
from vt600_api.commands.danger import is_dangerous
from vt600_api.commands.raw import read_raw
from vt600_api.commands.schemas import NewCommand, NewStep
from vt600_api.devices.models import Device
from vt600_api.devices.routes import device_not_found
from vt600_api.errors import ApiError
from vt600_api.settings import CommandSettings
from vt600_api.traces import begin
from vt600_bus import Publisher, PublisherFull, Topic
from vt600_bus.records import CommandRequest
from vt600_bus.topics import COMMAND_REQUESTS
from vt600_protocol import Command, CommandError, build_command
from vt600_runtime.tracing import Tracer

log = structlog.get_logger()

R = TypeVar("R", bound=Struct)

_DEADLINES_S = {"actuating": 60.0, "setting": 24 * 3600.0, "query": 24 * 3600.0}


class Order(NamedTuple):
    """A command that was asked for: its type and arguments, what they make, and how long it may wait."""

    type: str
    args: dict[str, Any]
    command: Command
    wait: timedelta


class Asks(Protocol):
    """What holds the way to the commander, and the rules."""

    @property
    def settings(self) -> CommandSettings:
        """The rules."""

    @property
    def publisher(self) -> Publisher:
        """The way."""

    @property
    def tracer(self) -> Tracer:
        """What begins traces of commands."""


def check(
    caller: Caller, asked: NewCommand | NewStep, device_id: str, settings: CommandSettings, where: str = ""
) -> Order:
    """The command; ApiError when it is none, when the caller may not ask for it, or for how long it shall wait."""
    name, args = read_raw(asked.args, device_id, where) if asked.type == "raw" else (asked.type, asked.args)
    try:
        command = build_command(name, args)
    except CommandError as error:
        place = "type" if error.argument == "type" else f"args.{error.argument}"
        raise ApiError(
            422, "invalid_command_argument", str(error), errors=[{"where": where + place, "message": str(error)}]
        ) from error
    if is_dangerous(command):
        caller.require("send:commands:dangerous")
    wait_s = _DEADLINES_S[command.command_class] if asked.deadline_s is None else asked.deadline_s
    actuating = command.command_class == "actuating"
    limit_s = settings.actuating_deadline_limit_s if actuating else settings.deadline_limit_s
    if wait_s > limit_s:
        kind = "A command that acts on the vehicle or destroys something" if actuating else "A command"
        raise ApiError(
            422,
            "deadline_too_long",
            f"{kind} may wait for {limit_s:g} s at most.",
            errors=[{"where": f"{where}deadline_s", "message": f"is at most {limit_s:g}"}],
        )
    return Order(name, args, command, timedelta(seconds=wait_s))


async def require_room(db: AsyncSession, device_id: str, count: int, settings: CommandSettings) -> Device:
    """The device; ApiError `device_not_found` when there is none, `too_many_queued` when so many more commands do not fit."""
    found = await queries.find_device(db, device_id)
    if found is None:
        raise device_not_found(device_id)
    device, waiting = found
    if waiting + count > settings.max_queued_commands:
        raise ApiError(
            409,
            "too_many_queued",
            f"{waiting} commands of the device wait already; at most {settings.max_queued_commands} may.",
        )
    return device


async def publish(services: Asks, request: CommandRequest, *, can_be_repeated: bool = False) -> None:
    """Wait until the broker holds the request; ApiError `bus_unavailable` when it does not answer.

    A request that its caller can repeat under the same id is left as it is then; another is taken back.
    """
    step = begin(
        services.tracer,
        "command.request",
        command_id=request.command_id,
        device_id=request.device_id,
        action=request.action,
        caller=request.requested_by,
    )
    taken = await hand_over(
        services, COMMAND_REQUESTS, request.device_id, request, None if step is None else step.traceparent
    )
    if step is not None:
        step.end()
    if taken:
        _say(request)
        return
    if request.action == "submit" and not can_be_repeated:
        take_back(services, request)
    raise ApiError(
        503,
        "bus_unavailable",
        f"Kafka did not answer in time. The request may still be carried out: look for command {request.command_id}.",
    )


async def hand_over(services: Asks, topic: Topic[R], key: str, record: R, traceparent: str | None = None) -> bool:
    """Whether the broker took the record in time; ApiError `bus_unavailable` when it never will."""
    away = ApiError(503, "bus_unavailable", "Kafka does not answer; nothing was asked of the device. Try again.")
    if not services.publisher.healthy:
        raise away
    try:
        future = services.publisher.publish(topic, key, record, traceparent)
    except PublisherFull:
        raise away from None
    done, _pending = await asyncio.wait({future}, timeout=services.settings.bus_timeout_s)
    if done and future.exception() is not None:
        raise away
    return bool(done)


def _say(request: CommandRequest) -> None:
    for step in request.steps or (request,):
        log.info(
            "command.asked",
            command_id=step.command_id,
            device_id=request.device_id,
            action=request.action,
            caller=request.requested_by,
        )


def second_word(action: Literal["confirm", "cancel"], caller: str, device_id: str, command_id: str) -> CommandRequest:
    """What is said of a command that was asked for: that it be carried out, or not."""
    return CommandRequest(
        command_id=command_id,
        device_id=device_id,
        action=action,
        requested_at=datetime.now(UTC),
        requested_by=caller,
    )


def new_ids(sequence_id: str, count: int) -> Sequence[str]:
    """The ids of a sequence's commands: the same ones whenever the same request is repeated."""
    space = uuid.UUID(sequence_id)
    return [str(uuid.uuid5(space, str(number))) for number in range(count)]


def take_back(services: Asks, request: CommandRequest) -> None:
    """Cancel what nobody may count on any more: the request cannot be recalled, but what follows it is read after it."""
    for command_id in [step.command_id for step in reversed(request.steps)] or [request.command_id]:
        with suppress(PublisherFull):
            services.publisher.publish(
                COMMAND_REQUESTS,
                request.device_id,
                second_word("cancel", request.requested_by, request.device_id, command_id),
            )
