"""What travels on the topics. A new field gets a default; a field never changes its type or its meaning.

On the wire a record is JSON: bytes are base64 text, times RFC 3339 in UTC, `schema` names the record and its version.
"""

from vt600_bus.records.commands import (
    CampaignProgress,
    CommandRequest,
    CommandState,
    CommandStatus,
    CommandStep,
    DeliveryReport,
    Downlink,
    Interlock,
)
from vt600_bus.records.dead_letters import (
    DeadLetter,
)
from vt600_bus.records.links import (
    LinkStatus,
    Listener,
    Session,
)
from vt600_bus.records.reports import (
    Dialect,
    Extras,
    Obd,
    Reject,
    Report,
    ReportFields,
    SensorTemperature,
    TankLevel,
    Transport,
    TroubleCode,
    Uplink,
    UplinkKind,
)

__all__ = [
    "CampaignProgress",
    "CommandRequest",
    "CommandState",
    "CommandStatus",
    "CommandStep",
    "DeadLetter",
    "DeliveryReport",
    "Dialect",
    "Downlink",
    "Extras",
    "Interlock",
    "LinkStatus",
    "Listener",
    "Obd",
    "Reject",
    "Report",
    "ReportFields",
    "SensorTemperature",
    "Session",
    "TankLevel",
    "Transport",
    "TroubleCode",
    "Uplink",
    "UplinkKind",
]
