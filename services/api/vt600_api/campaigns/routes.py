"""`/v1/campaigns`: one command to many devices."""

from datetime import UTC, datetime
from typing import Annotated, Literal

from fastapi import APIRouter, Path, Response
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import Caller
from vt600_api.campaigns import queries
from vt600_api.campaigns.models import Campaign
from vt600_api.campaigns.schemas import (
    CampaignDevicePage,
    CampaignDeviceView,
    CampaignPage,
    CampaignState,
    CampaignSummary,
    CampaignView,
    NewCampaign,
)
from vt600_api.campaigns.views import campaign_summary, campaign_view
from vt600_api.commands.asking import check
from vt600_api.commands.danger import is_dangerous
from vt600_api.commands.idempotency import IdempotencyKey, claimed
from vt600_api.commands.schemas import NewCommand
from vt600_api.cursors import make_cursor, read_cursor
from vt600_api.dependencies import CommandSender, CursorText, Db, Limit, Reader, ServicesDep
from vt600_api.errors import ApiError
from vt600_api.settings import CommandSettings

router = APIRouter(prefix="/v1/campaigns", tags=["campaigns"])

CampaignId = Annotated[str, Path(pattern="^[0-9a-f-]{36}$")]

_DANGEROUS = "send:commands:dangerous"


@router.post(
    "",
    response_model=CampaignView,
    status_code=202,
    responses={200: {"model": CampaignView, "description": "The same request made this campaign before."}},
)
async def create_campaign(
    services: ServicesDep,
    caller: CommandSender,
    body: NewCampaign,
    response: Response,
    idempotency_key: IdempotencyKey = None,
) -> CampaignView:
    """Begin to send a command to many devices. What acts on vehicles or destroys something needs the scope `send:commands:dangerous`,
    and all campaigns that do share one rate."""
    is_limited = _check(caller, body, services.settings)
    async with (
        claimed(services.sessions, caller.name, idempotency_key, "/v1/campaigns", body) as claim,
        services.sessions.begin() as db,
    ):
        if claim.repeated:
            response.status_code = 200
        else:
            await _add(db, caller, body, claim.resource_id, is_limited=is_limited)
            await claim.done(db)
        response.headers["Location"] = f"/v1/campaigns/{claim.resource_id}"
        return await _view(db, await _require(db, claim.resource_id))


@router.get("", response_model=CampaignPage)
async def list_campaigns(
    db: Db, _caller: Reader, state: CampaignState | None = None, cursor: CursorText = None, limit: Limit = 100
) -> CampaignPage:
    """Campaigns, the newest first."""
    key = read_cursor(cursor, datetime, str) if cursor is not None else None
    after = None if key is None else (key[0], key[1])
    rows = await queries.list_campaigns(db, state=state, after=after, limit=limit)
    items = [campaign_summary(row) for row in rows[:limit]]
    last = items[-1] if len(rows) > limit else None
    return CampaignPage(items=items, next_cursor=make_cursor(last.requested_at, last.campaign_id) if last else None)


@router.get("/{campaign_id}", response_model=CampaignView)
async def read_campaign(db: Db, _caller: Reader, campaign_id: CampaignId) -> CampaignView:
    """One campaign and how far it is."""
    return await _view(db, await _require(db, campaign_id))


@router.get("/{campaign_id}/devices", response_model=CampaignDevicePage)
async def list_campaign_devices(
    db: Db, _caller: Reader, campaign_id: CampaignId, cursor: CursorText = None, limit: Limit = 100
) -> CampaignDevicePage:
    """Its devices and what became of each, in the order of their identities."""
    await _require(db, campaign_id)
    after = read_cursor(cursor, str)[0] if cursor is not None else None
    rows = await queries.list_devices(db, campaign_id, after=after, limit=limit)
    items = [
        CampaignDeviceView(device_id=device_id, state=state, reason=reason, command_id=command_id)
        for device_id, state, reason, command_id in rows[:limit]
    ]
    return CampaignDevicePage(items=items, next_cursor=make_cursor(items[-1].device_id) if len(rows) > limit else None)


@router.post("/{campaign_id}/pause", response_model=CampaignSummary)
async def pause_campaign(db: Db, _caller: CommandSender, campaign_id: CampaignId) -> CampaignSummary:
    """Send no more for now. What was sent goes on."""
    return await _turn(db, campaign_id, ("running",), "paused")


@router.post("/{campaign_id}/resume", response_model=CampaignSummary)
async def resume_campaign(db: Db, caller: CommandSender, campaign_id: CampaignId) -> CampaignSummary:
    """Go on where it was paused."""
    if (await _require(db, campaign_id)).is_limited:
        caller.require(_DANGEROUS)
    return await _turn(db, campaign_id, ("paused",), "running")


@router.post("/{campaign_id}/cancel", response_model=CampaignSummary)
async def cancel_campaign(db: Db, _caller: CommandSender, campaign_id: CampaignId) -> CampaignSummary:
    """Send no more, and take back what has not left for its device yet."""
    return await _turn(db, campaign_id, ("running", "paused"), "cancelled")


def _check(caller: Caller, body: NewCampaign, settings: CommandSettings) -> bool:
    """Whether its rate is limited; ApiError when the command is none, or when the caller may not ask for it or for so many."""
    if body.command.type == "raw":
        message = "Raw bytes are those of one device."
        raise ApiError(422, "invalid_command_argument", message, errors=[{"where": "command.type", "message": message}])
    order = check(caller, NewCommand(**body.command.model_dump()), "", settings, "command.")
    if order.command.command_class != "actuating" and not is_dangerous(order.command):
        return False
    caller.require(_DANGEROUS)
    limit = settings.campaign_actuating_per_minute
    if body.per_minute > limit:
        raise ApiError(
            422,
            "rate_too_high",
            f"Commands that act on vehicles or destroy something go to {limit} devices a minute at most.",
            errors=[{"where": "per_minute", "message": f"is at most {limit}"}],
        )
    return True


async def _add(db: AsyncSession, caller: Caller, body: NewCampaign, campaign_id: str, *, is_limited: bool) -> None:
    if body.device_ids is not None and (unknown := await queries.unknown_devices(db, body.device_ids)):
        errors = [{"where": "device_ids", "message": f"{name} is unknown"} for name in unknown[:100]]
        raise ApiError(422, "unknown_devices", f"{len(unknown)} of the devices are unknown.", errors=errors)
    now = datetime.now(UTC)
    campaign = Campaign(
        campaign_id=campaign_id,
        requested_at=now,
        requested_by=caller.name,
        changed_at=now,
        **body.command.model_dump(),
        is_limited=is_limited,
        per_minute=body.per_minute,
        max_open=body.max_open,
        hours_since=None if body.hours is None else body.hours.since,
        hours_until=None if body.hours is None else body.hours.until,
        max_failed_share=body.max_failed_share,
        min_ended=body.min_ended,
    )
    db.add(campaign)
    await db.flush()
    if not await queries.add_devices(db, campaign_id, body.device_ids, body.filter):
        raise ApiError(422, "no_devices", "The filter finds no device.")
    await db.refresh(campaign)


async def _turn(
    db: AsyncSession, campaign_id: str, states: tuple[str, ...], state: Literal["running", "paused", "cancelled"]
) -> CampaignSummary:
    campaign = await _require(db, campaign_id, lock=True)
    if campaign.state not in states:
        raise ApiError(409, "campaign_state", f"The campaign is {campaign.state}.")
    campaign.state, campaign.changed_at = state, datetime.now(UTC)
    return campaign_summary(campaign)


async def _require(db: AsyncSession, campaign_id: str, *, lock: bool = False) -> Campaign:
    campaign = await queries.find(db, campaign_id, lock=lock)
    if campaign is None:
        raise ApiError(404, "campaign_not_found", f"There is no campaign {campaign_id}.")
    return campaign


async def _view(db: AsyncSession, campaign: Campaign) -> CampaignView:
    return campaign_view(campaign, await queries.count_devices(db, campaign.campaign_id))
