"""The two ends of a run: what the gateway tells of its commands, and what the trackers received."""

import asyncio
from collections.abc import Sequence
from typing import Any

import httpx
import msgspec
from tests.chaos.history import Received, Told
from tests.chaos.orders import CLASSES, body_of, content_of, content_of_order

from vt600_protocol import CommandFrame, CommandReply, PositionReport, decode_datagram
from vt600_simulator.behaviour import ReceivedCommand, Sent
from vt600_simulator.tracker import Tracker

_AT_ONCE = 16
_PAGE = 1000
_POSITION_REQUESTS = frozenset(("4101", "800"))


async def read_commands(client: httpx.AsyncClient) -> list[dict[str, Any]]:
    """All commands that the gateway knows."""
    found: list[dict[str, Any]] = []
    query: dict[str, str | int] = {"limit": _PAGE}
    while True:
        answer = await client.get("/v1/commands", params=query)
        answer.raise_for_status()
        page = answer.json()
        found += page["items"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]


async def tell(client: httpx.AsyncClient) -> tuple[Told, ...]:
    """Every command with its audit."""
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def one(command_id: str) -> Told:
        async with at_once:
            answer = await client.get(f"/v1/commands/{command_id}")
        answer.raise_for_status()
        return _told(answer.json())

    return tuple(await asyncio.gather(*(one(command["command_id"]) for command in await read_commands(client))))


def _told(command: dict[str, Any]) -> Told:
    name, args, device_id = command["type"], command["args"], command["device_id"]
    fields = {
        **command,
        "type": "told",
        "body": body_of(name, args),
        "content": content_of_order(name, args, device_id),
        "command_class": CLASSES[name],
        "changes": command["transitions"],
    }
    return msgspec.convert(fields, Told)


def arrivals(trackers: Sequence[Tracker]) -> tuple[Received, ...]:
    """Every command that a tracker received, read from the bytes that went in and out of it."""
    return tuple(_received(command) for tracker in trackers for command in tracker.commands)


def _received(command: ReceivedCommand) -> Received:
    (frame,) = decode_datagram(command.received, "device").messages
    assert isinstance(frame, CommandFrame)
    said = [(word, sent.at) for sent in command.answers if (word := _word(frame, sent)) is not None]
    return Received(
        device_id=command.device_id,
        at=command.received_at,
        content=content_of(frame),
        data=command.received.hex(),
        link=command.link,
        manner=command.manner,
        yes_at=next((at for word, at in said if word == "yes"), None),
        no_at=next((at for word, at in said if word == "no"), None),
    )


def _word(frame: CommandFrame, sent: Sent) -> str | None:
    """What the answer says to whom it reaches whole; None for what answers something else, or is broken."""
    for message in decode_datagram(sent.data).messages:
        if isinstance(message, PositionReport) and frame.code in _POSITION_REQUESTS:
            return "yes"
        if isinstance(message, CommandReply) and (message.answers, message.packet_no) == (frame.code, frame.packet_no):
            return "no" if message.ok is False else "yes"
    return None
