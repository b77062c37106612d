"""Commands on their way to devices and what becomes of them."""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

CommandState = Literal[
    "queued", "dispatched", "written", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown"
]


class Interlock(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """When an engine may be cut: the device's newest fix is no older than `max_fix_age_s` and tells less than `max_speed_kmh`."""

    max_speed_kmh: float = 20.0
    max_fix_age_s: float = 120.0


class CommandStep(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One command of a sequence."""

    command_id: str
    type: str
    deadline_at: datetime
    args: dict[str, Any] = {}
    interlock: Interlock | None = None
    override_reason: str | None = None
    confirm_by: datetime | None = None


class CommandRequest(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.command-request.v1"
):
    """Somebody asks for a command, or takes one back. `type` and `args` are those of `vt600_protocol.build_command`.

    `output_bytes` is how many outputs the device takes in one command; null means as most do. With `steps` it asks for a sequence,
    whose id is `command_id`: each step is sent once the one before was acknowledged, and the first that ends otherwise ends it.
    What cuts an engine waits for the `interlock` (null means the usual one), unless `override_reason` says why it must not. With
    `confirm_by` it waits for a second request, whose action is `confirm`, and is rejected without one.
    """

    command_id: str
    device_id: str
    action: Literal["submit", "confirm", "cancel"]
    requested_at: datetime
    requested_by: str
    type: str | None = None
    args: dict[str, Any] = {}
    deadline_at: datetime | None = None
    queue: Literal["until_deadline", "never"] = "until_deadline"
    output_bytes: int | None = None
    steps: tuple[CommandStep, ...] = ()
    interlock: Interlock | None = None
    override_reason: str | None = None
    confirm_by: datetime | None = None


class Downlink(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.downlink.v1"):
    """One dispatch of one command, meant for one link and for nobody after `deadline_at`.

    `reply_code` is the wire code of the frame that answers it, `packet_no` its packet number in the ASCII dialect. `dispatched_at`
    is the commander's time, by which a listener sees how far its own clock is off. With `open_window` the bytes wait for the
    device's next sign of life when the network may have forgotten the way to it; of several that wait the lowest `priority` goes
    first. `recall` takes the same attempt back, unless its bytes have left; `close` is no command, it ends the link itself. With an
    `interlock` the listener looks at the newest fix of the link right before it writes.
    """

    command_id: str
    attempt: int
    device_id: str
    listener_id: str
    session_id: str
    generation: int
    dispatched_at: datetime
    deadline_at: datetime
    payload: bytes
    reply_code: str
    packet_no: str | None = None
    action: Literal["write", "recall", "close"] = "write"
    open_window: bool = False
    priority: int = 1
    interlock: Interlock | None = None


class DeliveryReport(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.delivery-report.v1"
):
    """What a listener did with a dispatch, or a reply that came up a link.

    `written`, `held` and `refused` name the command and attempt; what is held is written after the device's next sign of life.
    `replied` carries what the device said: `code` and `packet_no` of the reply, its `ok` flag (null when the reply is values), its
    whole frame as `payload` and its values as text. `certain` is false for what the device might have sent unasked.
    """

    device_id: str
    listener_id: str
    session_id: str
    generation: int
    outcome: Literal["written", "held", "refused", "replied"]
    at: datetime
    command_id: str | None = None
    attempt: int | None = None
    reason: str | None = None
    code: str | None = None
    packet_no: str | None = None
    ok: bool | None = None
    text: str | None = None
    payload: bytes | None = None
    certain: bool = True


class CommandStatus(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.command-status.v1"
):
    """A command as it stands after its latest change. `revision` grows with each change and is the only order that counts.

    `cause` is what made the change: `request`, `dispatch`, `listener`, `device`, `clock` or `sequence`. `sequence_id` and `step`
    (from 0) are those of a command that is part of a sequence.
    """

    command_id: str
    revision: int
    device_id: str
    type: str
    state: CommandState
    at: datetime
    requested_at: datetime
    requested_by: str
    deadline_at: datetime
    args: dict[str, Any] = {}
    attempt: int = 0
    reason: str | None = None
    listener_id: str | None = None
    session_id: str | None = None
    written: bytes | None = None
    reply: bytes | None = None
    reply_text: str | None = None
    cause: str | None = None
    sequence_id: str | None = None
    step: int | None = None


class CampaignProgress(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.campaign.v1"
):
    """How far a command for many devices is: how many devices wait for their turn or were refused, and the commands by their states.

    `reason` says why it was aborted.
    """

    campaign_id: str
    state: Literal["running", "paused", "finished", "cancelled", "aborted"]
    at: datetime
    waiting: int
    refused: int
    commands: dict[str, int] = {}
    reason: str | None = None
