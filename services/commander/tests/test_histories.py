"""Random histories: a listener and a device that fail in every way, and a judge who knows what really happened."""

import random
from collections import Counter, defaultdict
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from vt600_bus.records import DeliveryReport, Downlink, Session
from vt600_commander.lifecycle import FINAL
from vt600_commander.models import QueuedCommand

pytestmark = pytest.mark.servers

if TYPE_CHECKING:
    from conftest import Desk

COMMANDS: tuple[dict[str, Any], ...] = (
    {"name": "set_immobiliser", "engaged": True},
    {"name": "set_output", "output": 2, "on": True},
    {"name": "restart"},
    {"name": "identify"},
    {"name": "set_interval", "interval_s": 60},
)
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
HISTORIES, STEPS = 40, 150


class World:
    """What is outside of the commander: one device, the listener that holds its link, and the bus between."""

    def __init__(self, desk: "Desk", dialect: str, chance: random.Random) -> None:
        self.desk = desk
        self._dialect = dialect
        self._chance = chance
        self._link: Session | None = None
        self._handled: set[tuple[str, int]] = set()  # what this listener knows
        self._to_listener: list[Downlink] = []
        self._to_commander: list[DeliveryReport] = []
        self._read: list[DeliveryReport] = []
        self._held: list[Downlink] = []
        self.commands: list[QueuedCommand] = []
        self.written: dict[str, list[float]] = defaultdict(list)
        self.answered: set[str] = set()

    async def step(self) -> None:
        """Something happens."""
        happening = self._chance.choices(
            (
                self.ask,
                self.cancel,
                self.relink,
                self.lose_listener,
                self.deliver,
                self.uplink,
                self.report,
                self.reread,
                self.wait,
            ),
            (3, 1, 2, 1, 6, 3, 8, 1, 4),
        )[0]
        await happening()
        self.desk.seconds += 0.01
        found = await self.desk.dispatch()
        if found is not None:
            self._to_listener += [found] * self._chance.choice((1, 1, 1, 2))
        self._to_listener += self.desk.recalls()

    async def ask(self) -> None:
        words = self._chance.choice(COMMANDS)
        queue = self._chance.choice(("until_deadline", "until_deadline", "never"))
        self.commands.append(await self.desk.ask(deadline_s=self._chance.choice((5, 60, 600)), queue=queue, **words))

    async def cancel(self) -> None:
        if self.commands:
            await self.desk.cancel(self._chance.choice(self.commands))

    async def relink(self) -> None:
        """The device comes back over a new link; its old one lives on when it was on another listener."""
        if self._chance.random() < 0.5:
            self._to_commander += [self.desk.report(held, "refused", "link_closed") for held in self._held]
            self._held.clear()
        self._link = self.desk.link(self._dialect)

    async def lose_listener(self) -> None:
        """Killed: its links, its memory, and some of what it had not yet told."""
        kept = self._chance.randrange(len(self._to_commander) + 1)
        del self._to_commander[kept:]
        self._link = None
        self._handled.clear()
        self._held.clear()
        self._to_listener.clear()  # its successor has another id
        self.desk.listener_id = f"listener-{self._chance.random()}"

    async def deliver(self) -> None:
        """The listener reads a dispatch."""
        if not self._to_listener:
            return
        downlink = self._to_listener.pop(0)
        if downlink.listener_id != self.desk.listener_id:
            return  # it was meant for one that is dead
        if downlink.action == "recall":
            self._recall(downlink)
            return
        if (downlink.command_id, downlink.attempt) in self._handled:
            return
        self._handled.add((downlink.command_id, downlink.attempt))
        if self._link is None or self._link.session_id != downlink.session_id:
            self._to_commander.append(self.desk.report(downlink, "refused", "no_such_session"))
        elif self._chance.random() < 0.3:
            self._held.append(downlink)
            self._to_commander.append(self.desk.report(downlink, "held"))
        elif self._chance.random() < 0.1:
            self._to_commander.append(self.desk.report(downlink, "refused", "unwritable"))
        else:
            self._write(downlink)

    def _recall(self, recall: Downlink) -> None:
        """What is held, or was never seen, is given back; what was written is not."""
        attempt = (recall.command_id, recall.attempt)
        held = [each for each in self._held if (each.command_id, each.attempt) == attempt]
        if held or attempt not in self._handled:
            self._held = [each for each in self._held if each not in held]
            self._handled.add(attempt)
            self._to_commander.append(self.desk.report(recall, "refused", "recalled"))

    async def uplink(self) -> None:
        """The device says something: the way to it is open, for what was held on its link."""
        if self._held:
            self._write(self._held.pop(0))

    def _write(self, downlink: Downlink) -> None:
        if self.desk.now() >= downlink.deadline_at:
            self._to_commander.append(self.desk.report(downlink, "refused", "too_late"))
        else:
            self.written[downlink.command_id].append(self.desk.seconds)
            self._to_commander.append(self.desk.report(downlink, "written"))
            self._answer(downlink)

    def _answer(self, downlink: Downlink) -> None:
        """Yes, no, nothing, twice, or after a while."""
        kind = self._chance.choice(("yes", "yes", "no", "nothing", "twice", "late"))
        if kind == "nothing":
            return
        self.answered.add(downlink.command_id)
        at = self.desk.seconds
        self.desk.seconds += {"late": 100.0}.get(kind, 0.001)
        reply = self.desk.reply(downlink, ok=kind != "no")
        self.desk.seconds = at
        self._to_commander += [reply] * (2 if kind == "twice" else 1)

    async def report(self) -> None:
        """The commander reads what the listener said; what is said later waits its turn."""
        if self._to_commander:
            report = self._to_commander.pop(0)
            if report.at > self.desk.now():
                await self.desk.later((report.at - self.desk.now()).total_seconds())
            self._read.append(report)
            await self.desk.tell(report)

    async def reread(self) -> None:
        """A commander died before it kept its place: the last words come again."""
        for report in self._read[-self._chance.randrange(1, 5) :]:
            await self.desk.tell(report)

    async def wait(self) -> None:
        await self.desk.later(self._chance.choice((0.1, 1, 11, 31)))

    async def settle(self) -> None:
        """Everything is read, and every deadline passes."""
        self._to_commander += [self.desk.report(held, "refused", "too_late") for held in self._held]
        while self._to_commander:
            await self.report()
        await self.desk.later(2000)
        while await self.desk.dispatch():
            await self.desk.later(2000)


def judge(world: World, command: QueuedCommand, dialect: str) -> None:
    """What the state claims must have happened."""
    written = world.written.get(command.command_id, [])
    story = f"{command.type} is {command.state} ({command.reason}), written at {written}"
    assert command.state in FINAL, story
    assert len(written) <= (1 if command.command_class == "actuating" else 3), story
    assert all(NOON + timedelta(seconds=at) < command.deadline_at for at in written), story
    if command.state in ("expired", "cancelled", "rejected"):
        assert not written, story
    if command.state in ("acknowledged", "failed"):
        assert written, story
    if command.state in ("acknowledged", "failed") and dialect == "ascii":  # binary replies have no number
        assert command.command_id in world.answered, story


async def test_no_state_says_more_than_happened(desk: "Desk") -> None:
    ends: Counter[str] = Counter()
    for seed in range(HISTORIES):
        dialect = ("ascii", "binary")[seed % 2]
        world = World(type(desk)(f"{100_000 + seed}", desk.db), dialect, random.Random(seed))  # noqa: S311 - no secret
        for _ in range(STEPS):
            await world.step()
        await world.settle()
        for command in world.commands:
            judge(world, command, dialect)
            ends[command.state] += 1

    assert set(ends) == FINAL - {"rejected"}
