"""Kills with -9, at random, one or two at once, and starts again."""

import asyncio
import random
from collections.abc import Sequence
from datetime import UTC, datetime

from tests.chaos.history import Fault

from vt600_local.server import ServerProcess

_BETWEEN_S = (1.0, 6.0)
_AWAY_S = (0.1, 4.0)
_TWO_SHARE = 0.25


class Faults:
    """`victims` in the order in which they are started."""

    def __init__(self, victims: Sequence[ServerProcess], seed: int) -> None:
        self._victims = victims
        self._random = random.Random(seed)  # noqa: S311 - a simulation
        self.done: list[Fault] = []
        self.ended_themselves: list[str] = []

    async def run(self, stop: asyncio.Event) -> None:
        """Until `stop` is set; all are there again afterwards."""
        deck: list[ServerProcess] = []
        while not await _set_within(stop, self._random.uniform(*_BETWEEN_S)):
            await self._start_what_ended()
            if len(deck) < 2:
                deck += self._random.sample(self._victims, len(self._victims))
            fallen = {deck.pop() for _ in range(2 if self._random.random() < _TWO_SHARE else 1)}
            at = datetime.now(UTC)
            for victim in fallen:
                await asyncio.to_thread(victim.kill)
            await asyncio.sleep(self._random.uniform(*_AWAY_S))
            for victim in self._victims:
                if victim in fallen:
                    await asyncio.to_thread(victim.start)
            names = tuple(victim.name for victim in self._victims if victim in fallen)
            self.done.append(Fault(names=names, at=at, back_at=datetime.now(UTC)))
        await self._start_what_ended()

    async def _start_what_ended(self) -> None:
        for victim in self._victims:
            if not victim.running:
                self.ended_themselves.append(
                    f"{victim.name} at {datetime.now(UTC):%X} with exit code {victim.exit_code}"
                )
                await asyncio.to_thread(victim.start)


async def _set_within(event: asyncio.Event, seconds: float) -> bool:
    try:
        async with asyncio.timeout(seconds):
            await event.wait()
    except TimeoutError:
        return False
    return True
