"""`/v1/stream`: positions, alarms, states of commands and links, and progress of campaigns as they happen."""

import asyncio
import time
from contextlib import suppress
from typing import Annotated, Any, Literal

import orjson
from fastapi import APIRouter, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from vt600_api.auth import STREAM_PROTOCOL as PROTOCOL
from vt600_api.auth import key_of
from vt600_api.dependencies import Services
from vt600_api.errors import DATABASE_ERRORS, ApiError, database_unavailable
from vt600_api.live.hub import KINDS, Client, Kind, Wish

router = APIRouter()

UNAUTHORIZED, FORBIDDEN, BAD_MESSAGE, UNAVAILABLE, TOO_SLOW = 4401, 4403, 4400, 4503, 4008


class _Subscribe(BaseModel):
    """What a client may send: other filters than those it came with."""

    model_config = ConfigDict(extra="forbid")

    type: Literal["subscribe"]
    devices: Annotated[list[str], Field(max_length=10_000)] | None = None
    kinds: list[Kind] | None = None

    def wish(self) -> Wish:
        return Wish(
            kinds=KINDS if self.kinds is None else frozenset(self.kinds),
            devices=None if self.devices is None else frozenset(self.devices),
        )


@router.websocket("/v1/stream")
async def stream(websocket: WebSocket) -> None:
    """Send what the client wants until it goes, breaks the rules or falls too far behind."""
    await websocket.accept(PROTOCOL if PROTOCOL in websocket.scope["subprotocols"] else None)
    services: Services = websocket.app.state.services
    try:
        await _let_in(websocket, services)
        wish = _wish_of_query(websocket)
    except ApiError as error:
        await _refuse(websocket, error)
        return
    except DATABASE_ERRORS:
        await _refuse(websocket, database_unavailable())
        return
    client = services.hub.join(wish)
    settings = services.settings
    try:
        await websocket.send_text(_text(type="hello", heartbeat_s=settings.stream_heartbeat_s))
        async with asyncio.TaskGroup() as tasks:
            others = [
                tasks.create_task(_send(websocket, client, services)),
                tasks.create_task(_watch_key(websocket, services)),
            ]
            await _receive(websocket, client)
            for task in others:
                task.cancel()
    except* (WebSocketDisconnect, RuntimeError, OSError):
        pass  # the client went away while we wrote
    except* ApiError:
        await _close(websocket, UNAUTHORIZED, "The API key is no longer valid.")
    except* _CutOff:
        with_reason = "too slow: the queue is full" if client.overrun else "too slow: behind for too long"
        await _close(websocket, TOO_SLOW, with_reason)
        services.metrics.streams_cut.inc()
    finally:
        services.hub.leave(client)


class _CutOff(Exception):  # noqa: N818
    """The client fell too far behind."""


async def _let_in(websocket: WebSocket, services: Services) -> None:
    (await services.keys.caller(key_of(websocket))).require("read:positions")


async def _watch_key(websocket: WebSocket, services: Services) -> None:
    """ApiError once the key is revoked. While the database is away, the key counts as good as it was."""
    while True:
        await asyncio.sleep(services.settings.stream_heartbeat_s)
        with suppress(*DATABASE_ERRORS):
            await _let_in(websocket, services)


def _wish_of_query(websocket: WebSocket) -> Wish:
    query = websocket.query_params
    given: dict[str, Any] = {"type": "subscribe"}
    given |= {name: query[name].split(",") for name in ("devices", "kinds") if query.get(name)}
    try:
        return _Subscribe.model_validate(given).wish()
    except ValidationError as error:
        raise ApiError(422, "invalid_filter", error.errors()[0]["msg"]) from error


async def _send(websocket: WebSocket, client: Client, services: Services) -> None:
    behind_s, metrics = services.settings.stream_behind_s, services.metrics
    while True:
        try:
            async with asyncio.timeout(services.settings.stream_heartbeat_s):
                await client.wake.wait()
        except TimeoutError:
            await _write(websocket, _text(type="heartbeat"), behind_s)
            continue
        if client.overrun:
            raise _CutOff
        messages, left_out = client.take()
        if left_out:
            metrics.messages_coalesced.inc(left_out)
            await _write(websocket, _text(type="coalesced", left_out=left_out), behind_s)
        for message in messages:
            step = services.tracer.follow(
                "stream.send", message.traceparent, kind=message.kind, device_id=message.device_id
            )
            await _write(websocket, message.text, behind_s)
            if step is not None:
                step.end()
            metrics.messages_sent.inc()
            if client.overrun or (client.behind_since and time.monotonic() - client.behind_since > behind_s):
                raise _CutOff
        if not client.queue:
            client.behind_since = None


async def _write(websocket: WebSocket, text: str, timeout_s: float) -> None:
    """Send; a client that takes nothing at all for so long is behind, too."""
    try:
        async with asyncio.timeout(timeout_s):
            await websocket.send_text(text)
    except TimeoutError:
        raise _CutOff from None


async def _receive(websocket: WebSocket, client: Client) -> None:
    """Take new filters until the client hangs up."""
    while True:
        message = await websocket.receive()
        if message["type"] == "websocket.disconnect":
            return
        try:
            client.wish = _Subscribe.model_validate_json(message.get("text") or message.get("bytes") or b"").wish()
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"]))
            await websocket.send_text(_text(type="error", code="invalid_message", detail=f"{where}: {first['msg']}"))


async def _refuse(websocket: WebSocket, error: ApiError) -> None:
    codes = {401: UNAUTHORIZED, 403: FORBIDDEN, 503: UNAVAILABLE}
    await _close(websocket, codes.get(error.status, BAD_MESSAGE), error.detail)


async def _close(websocket: WebSocket, code: int, reason: str) -> None:
    try:
        async with asyncio.timeout(1):
            await websocket.close(code, reason[:120])
    except (RuntimeError, OSError, TimeoutError, WebSocketDisconnect):
        return  # gone already


def _text(**content: object) -> str:
    return orjson.dumps(content).decode()
