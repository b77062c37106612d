"""SQL of campaigns. Whoever changes one, or what became of its devices, holds the lock on its row."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Select, exists, func, literal, select, tuple_
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.campaigns.models import Campaign, CampaignDevice
from vt600_api.campaigns.rules import MINUTE, WAITING, Progress
from vt600_api.campaigns.schemas import DeviceFilter
from vt600_api.commands.models import Command
from vt600_api.devices.models import Device
from vt600_api.devices.queries import matching

_LIMITED_LOCK = 0x56_54_36_30_30  # of advisory locks: the rate that campaigns share


async def add_devices(
    db: AsyncSession, campaign_id: str, device_ids: Sequence[str] | None, wanted: DeviceFilter | None
) -> int:
    """The devices of a new campaign, as they are now; how many there are."""
    query = select(literal(campaign_id), Device.device_id)
    if device_ids is not None:
        query = query.where(Device.device_id.in_(device_ids))
    if wanted is not None:
        query = query.where(*matching(wanted.state, wanted.group, wanted.q))
    await db.execute(insert(CampaignDevice).from_select(["campaign_id", "device_id"], query))
    count = select(func.count()).where(CampaignDevice.campaign_id == campaign_id)
    return await db.scalar(count) or 0


async def unknown_devices(db: AsyncSession, device_ids: Sequence[str]) -> list[str]:
    """Which of them nobody ever saw or registered."""
    known = set((await db.execute(select(Device.device_id).where(Device.device_id.in_(device_ids)))).scalars())
    return sorted(set(device_ids) - known)


async def find(db: AsyncSession, campaign_id: str, *, lock: bool = False) -> Campaign | None:
    """The campaign, None when there is none."""
    return await db.get(Campaign, campaign_id, with_for_update=lock)


async def lock_if_free(db: AsyncSession, campaign_id: str) -> Campaign | None:
    """The campaign, None when another process works on it or nothing is left to do."""
    query = select(Campaign).where(Campaign.campaign_id == campaign_id, ~Campaign.is_settled)
    return (await db.execute(query.with_for_update(skip_locked=True))).scalar_one_or_none()


async def due(db: AsyncSession) -> Sequence[str]:
    """Campaigns with something left to do."""
    return (await db.execute(select(Campaign.campaign_id).where(~Campaign.is_settled))).scalars().all()


async def list_campaigns(
    db: AsyncSession, *, state: str | None, after: tuple[datetime, str] | None, limit: int
) -> Sequence[Campaign]:
    """Campaigns, the newest first; one more than `limit` when there are more."""
    query = select(Campaign).order_by(Campaign.requested_at.desc(), Campaign.campaign_id.desc()).limit(limit + 1)
    if state is not None:
        query = query.where(Campaign.state == state)
    if after is not None:
        query = query.where(tuple_(Campaign.requested_at, Campaign.campaign_id) < after)
    return (await db.execute(query)).scalars().all()


def _devices(campaign_id: str) -> Select[Any]:
    joined = select(CampaignDevice).outerjoin(Command, Command.command_id == CampaignDevice.command_id)
    return joined.where(CampaignDevice.campaign_id == campaign_id)


async def list_devices(
    db: AsyncSession, campaign_id: str, *, after: str | None, limit: int
) -> Sequence[tuple[str, str, str | None, str | None]]:
    """(device, state, reason, command) in the order of identities; one more than `limit` when there are more."""
    state = func.coalesce(Command.state, CampaignDevice.state)
    reason = func.coalesce(CampaignDevice.reason, Command.reason)
    query = _devices(campaign_id).with_only_columns(
        CampaignDevice.device_id, state, reason, CampaignDevice.command_id, maintain_column_froms=True
    )
    if after is not None:
        query = query.where(CampaignDevice.device_id > after)
    rows = await db.execute(query.order_by(CampaignDevice.device_id).limit(limit + 1))
    return [(row[0], row[1], row[2], row[3]) for row in rows]


async def count_devices(db: AsyncSession, campaign_id: str) -> dict[str, int]:
    """How many devices there are in each state: `waiting`, `refused`, or that of their command."""
    state = func.coalesce(Command.state, CampaignDevice.state)
    query = _devices(campaign_id).with_only_columns(state, func.count(), maintain_column_froms=True).group_by(state)
    return {row[0]: row[1] for row in await db.execute(query)}


async def progress(db: AsyncSession, campaign_id: str) -> Progress:
    """What the rules look at."""
    counts = await count_devices(db, campaign_id)
    return Progress(counts.pop("waiting", 0), counts.pop("refused", 0), counts)


async def sending(db: AsyncSession, campaign_id: str) -> Sequence[CampaignDevice]:
    """Devices whose request may not be on the bus yet."""
    return await _in_state(db, campaign_id, "sending", None)


async def next_waiting(db: AsyncSession, campaign_id: str, count: int) -> Sequence[CampaignDevice]:
    """The next devices whose turn it is."""
    return await _in_state(db, campaign_id, "waiting", count)


async def _in_state(db: AsyncSession, campaign_id: str, state: str, count: int | None) -> Sequence[CampaignDevice]:
    query = select(CampaignDevice).where(CampaignDevice.campaign_id == campaign_id, CampaignDevice.state == state)
    return (await db.execute(query.order_by(CampaignDevice.device_id).limit(count))).scalars().all()


async def open_commands(db: AsyncSession, campaign_id: str) -> Sequence[tuple[str, str]]:
    """(device, command) of what has not ended."""
    query = _devices(campaign_id).with_only_columns(
        CampaignDevice.device_id, Command.command_id, maintain_column_froms=True
    )
    return [(row[0], row[1]) for row in await db.execute(query.where(Command.state.in_(WAITING)))]


async def sent_lately(db: AsyncSession, campaign: Campaign) -> tuple[datetime, int, datetime | None, int]:
    """The store's time; commands of this campaign in the last minute, when its last was, and those of all limited ones.

    Of limited campaigns only one at a time gets past here before its transaction ends.
    """
    if campaign.is_limited:
        await db.execute(select(func.pg_advisory_xact_lock(_LIMITED_LOCK)))
    now: datetime = (await db.execute(select(func.clock_timestamp()))).scalar_one()
    lately = CampaignDevice.asked_at > now - MINUTE
    own = CampaignDevice.campaign_id == campaign.campaign_id
    count, last = (await db.execute(select(func.count(), func.max(CampaignDevice.asked_at)).where(own, lately))).one()
    if not campaign.is_limited:
        return now, count, last, 0
    limited = exists().where(Campaign.campaign_id == CampaignDevice.campaign_id, Campaign.is_limited)
    return now, count, last, await db.scalar(select(func.count()).where(lately, limited)) or 0
