"""People who ask for commands over REST while everything falls: they repeat what got no answer, change their minds, and ask twice."""

import asyncio
import json
import random
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import httpx
from tests.chaos.history import Asked
from tests.chaos.orders import Orders, body_of

from vt600_simulator.tracker import Tracker

_PAUSES_S = (0.3, 0.5, 1, 2, 4, 8, 16, 32)  # a claim of a dead api process holds for a minute
_TWICE_SHARE, _OTHER_BODY_SHARE, _CANCEL_SHARE = 0.2, 0.05, 0.15
_NEVER_SHARE, _NO_DEADLINE_SHARE, _SEQUENCE_SHARE = 0.05, 0.05, 0.1
_STEPS = (2, 4)
_CANCEL_WITHIN_S = 3.0
_LINES = 8
_SERVER_ERROR = 500


class Asking:
    """Whoever asks. `asked` is the record of it. Each request has a key, and is repeated with it until there is an answer, for
    `patience_s`."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        trackers: Sequence[Tracker],
        *,
        seed: int,
        deadlines_s: tuple[float, float],
        patience_s: float,
    ) -> None:
        self._client = client
        self._trackers = trackers
        self._orders = Orders(seed)
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self._deadlines_s = deadlines_s
        self._patience_s = patience_s
        self._lines = asyncio.Semaphore(_LINES)  # more would only wait in the api's own queue, and time out there
        self._seed = seed
        self.asked: list[Asked] = []

    async def run(self, count: int, over_s: float) -> None:
        """That many commands, evenly over that time."""
        async with asyncio.TaskGroup() as tasks:
            for number in range(count):
                tasks.create_task(self._ask(f"chaos-{self._seed}-{number}"))
                await asyncio.sleep(over_s / count)

    async def _ask(self, key: str) -> None:
        chance = self._random
        tracker = chance.choice(self._trackers)
        body = self._body(tracker)
        if chance.random() < _TWICE_SHARE:
            first, second = await asyncio.gather(self._submit(tracker, body, key), self._submit(tracker, body, key))
            command_ids = first or second
        else:
            command_ids = await self._submit(tracker, body, key)
        if chance.random() < _OTHER_BODY_SHARE:
            await self._post(tracker, self._body(tracker), key)
        if command_ids and chance.random() < _CANCEL_SHARE:
            await asyncio.sleep(chance.uniform(0, _CANCEL_WITHIN_S))
            await self._cancel(chance.choice(command_ids))

    def _body(self, tracker: Tracker) -> dict[str, Any]:
        if self._random.random() < _SEQUENCE_SHARE:
            return {"commands": [self._command(tracker, distinct=True) for _ in range(self._random.randint(*_STEPS))]}
        body = self._command(tracker)
        if self._random.random() < _NEVER_SHARE:
            body["queue"] = "never"
        return body

    def _command(self, tracker: Tracker, *, distinct: bool = False) -> dict[str, Any]:
        order = self._orders.draw(tracker, distinct=distinct)
        command: dict[str, Any] = {"type": order.type, "args": order.args}
        if self._random.random() >= _NO_DEADLINE_SHARE:
            command["deadline_s"] = round(self._random.uniform(*self._deadlines_s), 3)
        return command

    async def _submit(self, tracker: Tracker, body: dict[str, Any], key: str) -> tuple[str, ...]:
        """Until there is an answer that will not change."""
        loop = asyncio.get_running_loop()
        give_up_at = loop.time() + self._patience_s
        for pause_s in _PAUSES_S:
            asked = await self._post(tracker, body, key)
            if asked.status is not None and asked.status < _SERVER_ERROR and asked.status != httpx.codes.CONFLICT:
                return asked.command_ids
            if loop.time() + pause_s > give_up_at:
                break
            await asyncio.sleep(pause_s)
        return ()

    async def _post(self, tracker: Tracker, body: dict[str, Any], key: str) -> Asked:
        at = datetime.now(UTC)
        status, command_ids, error = None, tuple[str, ...](), None
        commands = body.get("commands", [body])
        path = f"/v1/devices/{tracker.device_id}/{'command-sequences' if 'commands' in body else 'commands'}"
        try:
            async with self._lines:
                at = datetime.now(UTC)
                answer = await self._client.post(path, json=body, headers={"Idempotency-Key": key})
        except httpx.TransportError as problem:
            error = repr(problem)
        else:
            status = answer.status_code
            if answer.is_success:
                made = answer.json()
                command_ids = tuple(str(each["command_id"]) for each in made.get("commands", [made]))
            else:
                error = answer.text[:200]
        asked = Asked(
            device_id=tracker.device_id,
            at=at,
            key=key,
            body=json.dumps(body, sort_keys=True),
            commands=tuple(body_of(each["type"], each["args"]) for each in commands),
            status=status,
            command_ids=command_ids,
            error=error,
        )
        self.asked.append(asked)
        return asked

    async def _cancel(self, command_id: str) -> None:
        try:
            await self._client.post(f"/v1/commands/{command_id}/cancel")
        except httpx.TransportError:
            return
