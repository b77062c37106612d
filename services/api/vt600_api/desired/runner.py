"""Makes devices have the settings that are wanted, a device at a time, by commands as anybody could ask for them.

As with campaigns a command is decided in one transaction, together with the request that goes to the commander, and put on the bus by the
next: killed anywhere, whoever comes next sends the same command, which the commander carries out once.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import cast

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_api.auth import Caller
from vt600_api.commands.asking import Asks, check, publish
from vt600_api.commands.models import Command
from vt600_api.commands.preparing import prepare
from vt600_api.commands.queries import add_requested, find_command
from vt600_api.commands.schemas import NewCommand
from vt600_api.desired import queries
from vt600_api.desired.metrics import DesiredMetrics
from vt600_api.desired.models import DesiredSetting
from vt600_api.desired.rules import Verdict, after_asking, after_telling, pause
from vt600_api.desired.ways import Said, Step, read_back, say
from vt600_api.devices.models import Device
from vt600_api.devices.routes import require_device
from vt600_api.errors import DATABASE_ERRORS, ApiError
from vt600_api.links.queries import find_link
from vt600_bus import decode, encode
from vt600_bus.records import CommandRequest
from vt600_protocol import Dialect

_DEADLINE_S = 24 * 3600.0
_REFUSED_PAUSE = timedelta(minutes=1)  # until the device's queue may have room again
_BUSY_PAUSE = timedelta(seconds=1)

log = structlog.get_logger()


class SettingsRunner:
    """One of possibly several."""

    def __init__(
        self, desk: Asks, *, sessions: async_sessionmaker[AsyncSession], metrics: DesiredMetrics, interval_s: float
    ) -> None:
        self._desk = desk
        self._sessions = sessions
        self._metrics = metrics
        self._interval_s = interval_s
        self._problem: str | None = None

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then the device at work is finished first."""
        while not stop.is_set():
            await self.round(stop)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await stop.wait()

    async def round(self, stop: asyncio.Event | None = None) -> None:
        """Look once at every device with something to do. One that cannot be worked on now is left for the next round."""
        problem = None
        try:
            async with self._sessions() as db:
                due = await queries.due(db)
        except DATABASE_ERRORS:
            return  # the probes say so
        self._metrics.due.set(len(due))
        for device_id in due:
            if stop is not None and stop.is_set():
                return
            try:
                await self._look_at(device_id)
            except (ApiError, *DATABASE_ERRORS) as error:
                self._metrics.failures.inc()
                problem = str(error).split("\n", 1)[0] or type(error).__name__
                if problem != self._problem:
                    log.warning("settings.delayed", device_id=device_id, error=problem)
        self._problem = problem

    async def _look_at(self, device_id: str) -> None:
        """Learn from what ended, decide on what comes next, send it. What was decided before and may not be out is sent first."""
        if await self._decide(device_id):
            await self._send(device_id)

    async def _send(self, device_id: str) -> None:
        """Put on the bus what may not be there, unless somebody else works on the device."""
        async with self._sessions.begin() as db:
            if not await queries.lock_if_free(db, device_id):
                return
            rows = [row for row in await queries.settings_of(db, device_id) if row.request is not None]
            for request in {row.command_id: row.request for row in rows}.values():
                await self._publish(decode(CommandRequest, request))
            for row in rows:
                row.request = None

    async def _publish(self, request: CommandRequest) -> None:
        """Wait until the broker holds it; ApiError when it does not answer."""
        await publish(self._desk, request, can_be_repeated=True)

    async def _decide(self, device_id: str) -> bool:
        """Whether there is something to be sent now."""
        async with self._sessions.begin() as db:
            if not await queries.lock_if_free(db, device_id):
                return False
            rows = await queries.settings_of(db, device_id)
            if any(row.request is not None for row in rows):
                return True
            now = await queries.clock(db)
            device = await require_device(db, device_id)
            busy = set()
            for row in rows:
                if command := await self._command_under_way(db, device, row, rows, now):
                    busy.add(command.type)
            link = await find_link(db, device_id)
            if device.dialect is None or link is None or link.state == "offline":
                return False
            await self._ask_all(db, device, rows, busy, now)
            return any(row.request is not None for row in rows)

    async def _command_under_way(
        self, db: AsyncSession, device: Device, row: DesiredSetting, rows: Sequence[DesiredSetting], now: datetime
    ) -> Command | None:
        """The row's command that has not ended; what one that did means is in the row then."""
        if row.work not in ("setting", "reading", "replaced") or row.command_id is None:
            return None
        command = await find_command(db, row.command_id)
        if command is not None and command.state in queries.WAITING:
            return command
        if row.work == "replaced":
            row.work, row.next_at = "set", now
            return None
        verdict = _verdict(device, row, {other.setting: other.value for other in rows}, command)
        self._metrics.outcomes.labels(verdict.state).inc()
        if verdict.state != row.state:
            log.info("setting.changed", device_id=row.device_id, setting=row.setting, state=verdict.state)
        _settle(row, verdict, now)
        return None

    async def _ask_all(
        self, db: AsyncSession, device: Device, rows: Sequence[DesiredSetting], busy: set[str], now: datetime
    ) -> None:
        """Ask for every command whose time has come. Settings that one command tells share it."""
        desired = {row.setting: row.value for row in rows}
        asked: dict[str, tuple[Step, DesiredSetting]] = {}
        for row in rows:
            if row.work not in ("set", "read") or row.next_at > now:
                continue
            said = say(device.device_id, cast("Dialect", device.dialect), row.setting, desired)
            if isinstance(said, str):
                if row.work == "set":
                    _settle(row, Verdict("not_supported", reason=said), now)
                else:  # what it was told together with is no longer desired
                    row.work = None
                continue
            step = said.tell if row.work == "set" else said.ask
            if step is None:
                row.work = None
            elif step[0] in asked:
                same, first = asked[step[0]]
                if same == step:
                    _share(row, first)
            elif step[0] in busy:
                row.next_at = now + _BUSY_PAUSE
            elif await self._ask(db, row, step, now):
                asked[step[0]] = (step, row)

    async def _ask(self, db: AsyncSession, row: DesiredSetting, step: Step, now: datetime) -> bool:
        """Decide on one command; False when the device must not get it now."""
        # Rights were looked at when the value was given: the key may have another name by now, or be gone.
        caller = Caller(row.changed_by, frozenset(("send:commands", "send:commands:dangerous")))
        settings = self._desk.settings
        deadline_s = min(_DEADLINE_S, settings.deadline_limit_s)
        body = NewCommand(type=step[0], args=dict(step[1]), deadline_s=deadline_s)
        command_id = str(uuid.uuid5(uuid.UUID(row.change_id), str(row.attempts + 1)))
        try:
            order = check(caller, body, row.device_id, settings)
            request = await prepare(db, settings, caller, row.device_id, body, order, command_id, now)
            await add_requested(db, request)
        except ApiError as error:
            row.reason, row.next_at = f"{error.code}: {error.detail}", now + _REFUSED_PAUSE
            return False
        row.work = "setting" if row.work == "set" else "reading"
        row.attempts, row.command_id, row.request = row.attempts + 1, command_id, encode(request)
        return True


def _share(row: DesiredSetting, first: DesiredSetting) -> None:
    row.work, row.attempts = first.work, row.attempts + 1
    row.command_id, row.request = first.command_id, first.request


def _verdict(device: Device, row: DesiredSetting, desired: dict[str, object], command: Command | None) -> Verdict:
    dialect = cast("Dialect", device.dialect)
    if row.work == "reading":
        reply = command.reply if command is not None and command.state == "acknowledged" else None
        return after_asking(read_back(dialect, row.setting, desired, reply))
    state, reason = ("unknown", None) if command is None else (command.state, command.reason)
    said = say(device.device_id, dialect, row.setting, desired)
    return after_telling(state, reason, can_be_asked=isinstance(said, Said) and said.ask is not None)


def _settle(row: DesiredSetting, verdict: Verdict, now: datetime) -> None:
    if verdict.state != row.state:
        row.state, row.since = verdict.state, now
    row.work, row.reason = verdict.work, verdict.reason
    row.next_at = now + pause(row.attempts) if verdict.paused else now
    if verdict.confirmed_by != row.confirmed_by:
        row.confirmed_by, row.confirmed_at = verdict.confirmed_by, now if verdict.confirmed_by else None
    row.reported = verdict.reported
