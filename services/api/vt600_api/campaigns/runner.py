"""Carries campaigns out: each look at one is a transaction that holds its row, so of several processes one works on it.

A command is decided in one transaction, together with the request that goes to the commander, and put on the bus by the next. So a
process may be killed anywhere: what was decided is sent by whoever comes next, as the same command, which the commander carries out once.
"""

import asyncio
import contextlib
import uuid
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast

import structlog
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

from vt600_api.auth import Caller
from vt600_api.campaigns import queries
from vt600_api.campaigns.metrics import CampaignsMetrics
from vt600_api.campaigns.models import Campaign, CampaignDevice
from vt600_api.campaigns.rules import Hours, Progress, allowance, closes_at, failed_share
from vt600_api.commands.asking import Asks, check, hand_over, publish, second_word
from vt600_api.commands.preparing import prepare
from vt600_api.commands.queries import add_requested
from vt600_api.commands.schemas import NewCommand
from vt600_api.errors import DATABASE_ERRORS, ApiError
from vt600_bus import decode, encode
from vt600_bus.records import CampaignProgress, CommandRequest
from vt600_bus.topics import CAMPAIGNS

_AT_ONCE = 100

log = structlog.get_logger()


class Runner:
    """One of possibly several."""

    def __init__(
        self, desk: Asks, *, sessions: async_sessionmaker[AsyncSession], metrics: CampaignsMetrics, interval_s: float
    ) -> None:
        self._desk = desk
        self._sessions = sessions
        self._metrics = metrics
        self._interval_s = interval_s
        self._problem: str | None = None
        self._told: dict[str, tuple[str, Progress]] = {}

    async def run(self, stop: asyncio.Event) -> None:
        """Work until `stop` is set; then the campaign at work is finished first."""
        while not stop.is_set():
            await self.round(stop)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._interval_s):
                    await stop.wait()

    async def round(self, stop: asyncio.Event | None = None) -> None:
        """Look at every campaign once. One that cannot be worked on now is left for the next round."""
        problem = None
        try:
            async with self._sessions() as db:
                due = await queries.due(db)
        except DATABASE_ERRORS:
            return  # the probes say so
        self._metrics.due.set(len(due))
        for campaign_id in due:
            if stop is not None and stop.is_set():
                return
            try:
                await self._look_at(campaign_id)
            except (ApiError, *DATABASE_ERRORS) as error:
                self._metrics.failures.inc()
                problem = str(error).split("\n", 1)[0] or type(error).__name__
                if problem != self._problem:
                    log.warning("campaign.delayed", campaign_id=campaign_id, error=problem)
        self._problem = problem

    async def _look_at(self, campaign_id: str) -> None:
        """Send what was decided, decide on the next devices, send that."""
        if await self._send(campaign_id) and await self._decide(campaign_id):
            await self._send(campaign_id)

    async def _send(self, campaign_id: str) -> bool:
        """Put on the bus what may not be there; False when another process works on the campaign."""
        async with self._sessions.begin() as db:
            if await queries.lock_if_free(db, campaign_id) is None:
                return False
            rows = await queries.sending(db, campaign_id)
            await self._publish([decode(CommandRequest, row.request) for row in rows])
            for row in rows:
                row.state, row.request = "sent", None
        self._metrics.devices.labels("sent").inc(len(rows))
        return True

    async def _publish(self, requests: Sequence[CommandRequest]) -> None:
        """Wait until the broker holds them; ApiError when it does not answer."""
        for first in range(0, len(requests), _AT_ONCE):
            some = requests[first : first + _AT_ONCE]
            await asyncio.gather(*(publish(self._desk, request, can_be_repeated=True) for request in some))

    async def _decide(self, campaign_id: str) -> bool:
        """Whether some are to be sent now."""
        async with self._sessions.begin() as db:
            campaign = await queries.lock_if_free(db, campaign_id)
            if campaign is None:
                return False
            progress = await queries.progress(db, campaign_id)
            goes_on = await self._step(db, campaign, progress)
            await self._tell(campaign, progress)
            return goes_on

    async def _step(self, db: AsyncSession, campaign: Campaign, progress: Progress) -> bool:
        if campaign.state == "paused":
            return False
        if campaign.state in ("cancelled", "aborted"):
            await self._take_back(db, campaign)
            return False
        share = failed_share(progress.commands, campaign.min_ended)
        if share > campaign.max_failed_share:
            _end(campaign, "aborted", f"{share:.0%} of the commands that ended were not acknowledged")
            return True
        if not progress.waiting:
            if not progress.open:
                _end(campaign, "finished", None)
                campaign.is_settled = True
            return False
        return await self._ask_next(db, campaign, campaign.max_open - progress.open)

    async def _tell(self, campaign: Campaign, progress: Progress) -> None:
        """Publish how far it is, if that is news. Before the transaction ends, so that an end is told though the process dies."""
        news = (campaign.state, progress)
        if self._told.get(campaign.campaign_id) == news:
            return
        record = CampaignProgress(
            campaign_id=campaign.campaign_id,
            state=cast("Any", campaign.state),
            at=datetime.now(UTC),
            **progress._asdict(),
            reason=campaign.reason,
        )
        if not await hand_over(self._desk, CAMPAIGNS, campaign.campaign_id, record):
            raise ApiError(503, "bus_unavailable", "Kafka did not answer in time.")
        self._told[campaign.campaign_id] = news
        if campaign.is_settled:
            self._told.pop(campaign.campaign_id, None)

    async def _ask_next(self, db: AsyncSession, campaign: Campaign, room: int) -> bool:
        """Decide on the next devices, as many as all limits leave room for."""
        now, lately, last, all_limited = await queries.sent_lately(db, campaign)
        hours = None
        if campaign.hours_since is not None and campaign.hours_until is not None:
            hours = Hours(campaign.hours_since, campaign.hours_until)
        until = closes_at(hours, now)
        if until is None:
            return False
        count = min(room, allowance(campaign.per_minute, lately, last, now))
        if campaign.is_limited:
            count = min(count, self._desk.settings.campaign_actuating_per_minute - all_limited)
        rows = await queries.next_waiting(db, campaign.campaign_id, max(count, 0))
        for row in rows:
            await self._ask(db, campaign, row, now, until)
        return bool(rows)

    async def _ask(
        self, db: AsyncSession, campaign: Campaign, row: CampaignDevice, now: datetime, until: datetime
    ) -> None:
        """Decide on one device: its request, or why it gets none."""
        # Its rights were looked at when it was made: the key may have another name by now, or be gone.
        caller = Caller(campaign.requested_by, frozenset(("send:commands", "send:commands:dangerous")))
        settings = self._desk.settings
        body = NewCommand(type=campaign.type, args=campaign.args, deadline_s=campaign.deadline_s, queue=campaign.queue)
        command_id = str(uuid.uuid5(uuid.UUID(campaign.campaign_id), row.device_id))
        try:
            order = check(caller, body, row.device_id, settings)
            order = order._replace(wait=min(order.wait, until - now))
            request = await prepare(db, settings, caller, row.device_id, body, order, command_id, now)
            await add_requested(db, request)
        except ApiError as error:
            row.state, row.reason = "refused", f"{error.code}: {error.detail}"
            self._metrics.devices.labels("refused").inc()
            return
        row.state, row.command_id, row.asked_at, row.request = "sending", command_id, now, encode(request)

    async def _take_back(self, db: AsyncSession, campaign: Campaign) -> None:
        """Ask for what has not left yet to be taken back."""
        await self._publish(
            [
                second_word("cancel", campaign.requested_by, device_id, command_id)
                for device_id, command_id in await queries.open_commands(db, campaign.campaign_id)
            ]
        )
        campaign.is_settled = True


def _end(campaign: Campaign, state: str, reason: str | None) -> None:
    campaign.state, campaign.reason, campaign.changed_at = state, reason, datetime.now(UTC)
    log.info("campaign.ended", campaign_id=campaign.campaign_id, state=state, reason=reason)
