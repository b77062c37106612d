"""Rows of campaigns → what HTTP shows."""

from collections.abc import Mapping

from vt600_api.campaigns.models import Campaign
from vt600_api.campaigns.schemas import CampaignCommand, CampaignSummary, CampaignView, HoursOfDay


def campaign_summary(campaign: Campaign) -> CampaignSummary:
    """One campaign."""
    hours = None
    if campaign.hours_since is not None and campaign.hours_until is not None:
        hours = HoursOfDay(since=campaign.hours_since, until=campaign.hours_until)
    return CampaignSummary(
        campaign_id=campaign.campaign_id,
        state=campaign.state,
        reason=campaign.reason,
        requested_at=campaign.requested_at,
        requested_by=campaign.requested_by,
        changed_at=campaign.changed_at,
        command=CampaignCommand(
            type=campaign.type, args=campaign.args, deadline_s=campaign.deadline_s, queue=campaign.queue
        ),
        per_minute=campaign.per_minute,
        max_open=campaign.max_open,
        hours=hours,
        max_failed_share=campaign.max_failed_share,
        min_ended=campaign.min_ended,
    )


def campaign_view(campaign: Campaign, counts: Mapping[str, int]) -> CampaignView:
    """One campaign with its devices counted by their states."""
    commands = {state: count for state, count in counts.items() if state not in ("waiting", "refused")}
    return CampaignView(
        **dict(campaign_summary(campaign)),
        devices=sum(counts.values()),
        waiting=counts.get("waiting", 0),
        refused=counts.get("refused", 0),
        commands=commands,
    )
