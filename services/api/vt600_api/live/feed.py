"""Reports, states of commands and links, and progress of campaigns from Kafka, each turned into the text that clients get."""

import asyncio
from typing import Any

import structlog
from msgspec import DecodeError, Struct, json

from vt600_api.live.hub import Hub, Kind, LiveMessage
from vt600_bus import Delivery, Follower, Topic, facts_of
from vt600_bus.topics import CAMPAIGNS, COMMAND_STATUSES, LINK_STATUSES, REPORTS

FEED_TOPICS = (REPORTS, COMMAND_STATUSES, LINK_STATUSES, CAMPAIGNS)

_AT_ONCE = 100

log = structlog.get_logger()


class _ReportHead(Struct):
    kind: Kind
    device_id: str


class _StatusHead(Struct):
    device_id: str


class _CampaignHead(Struct):
    campaign_id: str


_report = json.Decoder(_ReportHead)
_status = json.Decoder(_StatusHead)
_campaign = json.Decoder(_CampaignHead)


def live_message(delivery: Delivery) -> LiveMessage | None:
    """The record inside its envelope; its own JSON is not touched. None for a record that is none."""
    if delivery.value is None:
        return None
    try:
        kind, device_id = _about(delivery.topic, delivery.value)
        data = delivery.value.decode()
    except (DecodeError, UnicodeDecodeError) as error:
        log.warning("feed.record_skipped", error=str(error), **facts_of(delivery))
        return None
    cursor = f"{delivery.topic.name}-{delivery.partition}:{delivery.offset}"
    return LiveMessage(kind, device_id, f'{{"type":"{kind}","cursor":"{cursor}","data":{data}}}', delivery.traceparent)


def _about(topic: Topic[Any], value: bytes) -> tuple[Kind, str | None]:
    """What kind of message it is, and of which device."""
    if topic is REPORTS:
        head = _report.decode(value)
        return head.kind, head.device_id
    if topic is CAMPAIGNS:
        _campaign.decode(value)
        return "campaign", None
    return "command_status" if topic is COMMAND_STATUSES else "link_status", _status.decode(value).device_id


async def run_feed(follower: Follower, hub: Hub) -> None:
    """Pass on what is published, for ever; some at a time, so that who reads is never behind because much came at once."""
    while True:
        batch = await follower.next_batch()
        for first in range(0, len(batch), _AT_ONCE):
            if hub.clients:
                some = batch[first : first + _AT_ONCE]
                hub.publish(message for delivery in some if (message := live_message(delivery)) is not None)
            await asyncio.sleep(0)
