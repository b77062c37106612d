"""Many trackers at once: connect, report, lose the network, come back, upload, obey."""

import asyncio
import contextlib
import random
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

from vt600_protocol import Message, encode_login
from vt600_simulator.behaviour import HONEST, Behaviour, Reaction, Sent
from vt600_simulator.identity import imei, serial_number
from vt600_simulator.link import Link, open_link
from vt600_simulator.tracker import Dialect, Record, Tracker, Transport

_WINDOW = 20  # unconfirmed records in flight; packet numbers repeat after 69 (SPEC §4.5)
_CONFIRM_TIMEOUT_S = 10.0
_LOGIN_EVERY_S = 30.0
_RECONNECT_S = (0.2, 5.0)
_RAMP_UP_PER_S = 200


@dataclass(frozen=True, slots=True)
class FleetSettings:
    """How many trackers, of which kind, and how they behave: each in one of `behaviours`, by chance. Shares are from 0 to 1."""

    host: str = "127.0.0.1"
    port: int = 8888
    count: int = 20
    dialect: Literal["binary", "ascii", "mixed"] = "mixed"
    transport: Literal["tcp", "udp", "mixed"] = "tcp"
    confirmed_share: float = 0.5
    interval_s: float = 10.0
    outage_share: float = 0.0
    outage_s: float = 30.0
    outage_every_s: float = 120.0
    settle_s: float = 15.0
    seed: int = 1
    first_number: int = 1
    behaviours: tuple[Behaviour, ...] = (HONEST,)


class Fleet:
    """Run it once; afterwards its trackers tell what was sent, confirmed and obeyed."""

    def __init__(self, settings: FleetSettings) -> None:
        self._settings = settings
        self.trackers = list(_make_trackers(settings))
        self.reconnects = 0
        self.links = 0
        self._stop = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Drive until `stop` is set, then let what is kept be sent and confirmed for a while, and hang up."""
        async with asyncio.TaskGroup() as tasks:
            for number, tracker in enumerate(self.trackers):
                driver = _Driver(self, tracker, self._settings)
                tasks.create_task(driver.run(number / _RAMP_UP_PER_S))
            await stop.wait()
            self._stop.set()

    @property
    def stopping(self) -> asyncio.Event:
        """Set when the trackers shall stop reporting."""
        return self._stop


class _Driver:
    """The life of one tracker."""

    def __init__(self, fleet: Fleet, tracker: Tracker, settings: FleetSettings) -> None:
        self._fleet = fleet
        self._tracker = tracker
        self._settings = settings
        self._random = random.Random(tracker.seed)  # noqa: S311 - a simulation
        self._link: Link | None = None
        self._news = asyncio.Event()  # a record, a confirmation or an answer: look again
        self._has_outages = self._random.random() < settings.outage_share
        self._sent: list[Record] = []  # on the present link

    async def run(self, delay_s: float) -> None:
        if await self._stopped_within(delay_s):
            return
        async with asyncio.TaskGroup() as tasks:
            reporting = tasks.create_task(self._report())
            linking = tasks.create_task(self._keep_linked())
            await reporting
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._settings.settle_s):
                    while self._tracker.memory:
                        self._news.clear()
                        await self._news.wait()
            linking.cancel()

    async def _report(self) -> None:
        """A record at every interval, the first somewhere within it."""
        if await self._stopped_within(self._random.random() * self._tracker.interval_s):
            return
        while True:
            self._tracker.make_record(datetime.now(UTC), linked=self._link is not None)
            self._news.set()
            if await self._stopped_within(self._tracker.interval_s):
                return

    async def _keep_linked(self) -> None:
        pause_s = _RECONNECT_S[0]
        while True:
            try:
                link = await open_link(self._tracker, self._settings.host, self._settings.port, self._receive)
            except OSError:
                await asyncio.sleep(pause_s * self._random.uniform(0.5, 1.5))
                pause_s = min(pause_s * 2, _RECONNECT_S[1])
                continue
            pause_s = _RECONNECT_S[0]
            self._fleet.links += 1
            try:
                await self._use(link)
            finally:
                self._link = None
                self._fleet.links -= 1
                link.close()
                self._note_loss(link)
            self._fleet.reconnects += 1
            await asyncio.sleep(self._settings.outage_s if self._has_outages else 0.1 * self._random.random())

    async def _use(self, link: Link) -> None:
        """Log in, then send what the memory holds until the link ends or the outage begins."""
        self._sent = []
        self._tracker.logged_in = self._tracker.dialect == "ascii" or self._tracker.transport == "udp"
        for record in self._tracker.memory:
            record.packet_no = None  # not sent on this link yet
        self._link = link
        outage_at = time.monotonic() + self._settings.outage_every_s * self._random.uniform(0.5, 1.5)
        login_at = 0.0
        while not link.closed.is_set():
            if not self._tracker.logged_in and time.monotonic() >= login_at:
                link.write(encode_login(self._tracker.device_id))
                login_at = time.monotonic() + _LOGIN_EVERY_S
            if self._tracker.logged_in:
                await self._send_memory(link)
            if self._has_outages and time.monotonic() >= outage_at and not self._fleet.stopping.is_set():
                link.abort()
                return
            await self._look_again(link)

    async def _send_memory(self, link: Link) -> None:
        """Send in order; what must be confirmed stays in the memory, at most a window of it in flight."""
        tracker, now = self._tracker, time.time()
        for record in list(tracker.memory)[: _WINDOW if tracker.confirmed_mode else None]:
            if record.packet_no is not None and now - record.written_at < _CONFIRM_TIMEOUT_S:
                continue
            if not await link.send(tracker.frame(record)):
                return  # kept for the next link
            record.writes += 1
            record.written_at = time.time()
            record.link_lost_at = None
            self._sent.append(record)
            if not tracker.confirmed_mode:
                tracker.memory.remove(record)
        self._news.set() if not tracker.memory else None

    async def _look_again(self, link: Link) -> None:
        """Until there is news, the link ends, or a second is over."""
        self._news.clear()
        waits = {asyncio.ensure_future(self._news.wait()), asyncio.ensure_future(link.closed.wait())}
        try:
            await asyncio.wait(waits, timeout=1.0, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    def _receive(self, message: Message) -> None:
        link = self._link
        reaction = self._tracker.handle(message, datetime.now(UTC), link.name if link else "")
        if reaction is not None and reaction.dies and link is not None:
            link.abort()
        elif reaction is not None and reaction.after_s:
            asyncio.get_running_loop().call_later(reaction.after_s, self._answer, reaction)
        elif reaction is not None:
            self._answer(reaction)
        self._news.set()

    def _answer(self, reaction: Reaction) -> None:
        """Over the link that is open then, which for a late answer may be another one."""
        for frame in reaction.frames:
            if self._link is not None and self._link.write(frame):
                reaction.command.answers.append(Sent(datetime.now(UTC), frame))

    def _note_loss(self, link: Link) -> None:
        """Remember of each record when the link that carried it was lost, unless we hung up ourselves at the end."""
        if link.closed.is_set() or self._has_outages:
            now = time.time()
            for record in self._sent:
                if not record.confirmed:
                    record.link_lost_at = now

    async def _stopped_within(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                await self._fleet.stopping.wait()
        except TimeoutError:
            return False
        return True


def _make_trackers(settings: FleetSettings) -> Iterator[Tracker]:
    chance, behaviours = random.Random(settings.seed), random.Random(settings.seed)  # noqa: S311 - a simulation
    for number in range(settings.first_number, settings.first_number + settings.count):
        dialects: tuple[Dialect, ...] = ("binary", "ascii")
        transports: tuple[Transport, ...] = ("tcp", "tcp", "tcp", "udp")
        dialect = dialects[number % 2] if settings.dialect == "mixed" else settings.dialect
        transport = chance.choice(transports) if settings.transport == "mixed" else settings.transport
        yield Tracker(
            device_id=serial_number(number) if dialect == "binary" else imei(number),
            dialect=dialect,
            transport=transport,
            confirmed_mode=dialect == "ascii" and chance.random() < settings.confirmed_share,
            interval_s=settings.interval_s,
            seed=settings.seed * 1_000_003 + number,
            behaviour=behaviours.choice(settings.behaviours),
        )
