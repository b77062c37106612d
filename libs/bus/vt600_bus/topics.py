"""Topic names, keys, partitions and retention: the only place where they are spelled."""

from dataclasses import dataclass, field
from typing import Generic, TypeVar

from msgspec import Struct

from vt600_bus.records import (
    CampaignProgress,
    CommandRequest,
    CommandStatus,
    DeadLetter,
    DeliveryReport,
    Downlink,
    LinkStatus,
    Listener,
    Reject,
    Report,
    Session,
    Uplink,
)

R = TypeVar("R", bound=Struct)

_HOUR_MS = 3600 * 1000
_DAY_MS = 24 * _HOUR_MS
_MAX_RECORD_BYTES = 1_048_588  # Kafka's own default


@dataclass(frozen=True, slots=True)
class Topic(Generic[R]):
    """A topic and the one kind of record on it. `config` holds Kafka's own names."""

    name: str
    record: type[R]
    key: str
    partitions: int
    config: dict[str, str] = field(default_factory=dict)

    @property
    def max_record_bytes(self) -> int:
        return _MAX_RECORD_BYTES


def _kept(days: float) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(int(days * _DAY_MS))}


def _compacted(days: float | None = None) -> dict[str, str]:
    """The newest of each key; with `days`, keys that nothing was said of for so long are forgotten."""
    kept = {"cleanup.policy": "compact"} if days is None else {**_kept(days), "cleanup.policy": "compact,delete"}
    return {**kept, "segment.ms": str(_HOUR_MS), "min.cleanable.dirty.ratio": "0.2"}


UPLINKS = Topic("vt600.uplinks.v1", Uplink, "device_id", 12, _kept(7))
REPORTS = Topic("vt600.reports.v1", Report, "device_id", 12, _kept(7))
REJECTS = Topic("vt600.rejects.v1", Reject, "peer", 3, _kept(7))
# Every record of a link goes into its history, so all of them are there for who was away for some hours.
SESSIONS = Topic(
    "vt600.sessions.v1", Session, "device_id", 6, {**_compacted(), "min.compaction.lag.ms": str(6 * _HOUR_MS)}
)
LISTENERS = Topic("vt600.listeners.v1", Listener, "listener_id", 1, _compacted(days=1))
LINK_STATUSES = Topic("vt600.link-statuses.v1", LinkStatus, "device_id", 6, _kept(7))
COMMAND_REQUESTS = Topic("vt600.command-requests.v1", CommandRequest, "device_id", 6, _kept(7))
DOWNLINKS = Topic("vt600.downlinks.v1", Downlink, "device_id", 6, _kept(1))
DELIVERY_REPORTS = Topic("vt600.delivery-reports.v1", DeliveryReport, "device_id", 6, _kept(7))
COMMAND_STATUSES = Topic("vt600.command-statuses.v1", CommandStatus, "device_id", 6, _kept(28))
CAMPAIGNS = Topic("vt600.campaigns.v1", CampaignProgress, "campaign_id", 1, _kept(28))
DEAD_LETTERS = Topic("vt600.dead-letters.v1", DeadLetter, "topic", 1, _kept(28))

TOPICS = (
    UPLINKS,
    REPORTS,
    REJECTS,
    SESSIONS,
    LISTENERS,
    LINK_STATUSES,
    COMMAND_REQUESTS,
    DOWNLINKS,
    DELIVERY_REPORTS,
    COMMAND_STATUSES,
    CAMPAIGNS,
    DEAD_LETTERS,
)
