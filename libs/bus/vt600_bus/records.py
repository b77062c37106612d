"""What travels on the topics. A new field gets a default; a field never changes its type or its meaning.

On the wire a record is JSON: bytes are base64 text, times RFC 3339 in UTC, `schema` names the record and its version.
"""

from datetime import datetime
from typing import Any, Literal

from msgspec import Struct

Dialect = Literal["binary", "ascii"]
Transport = Literal["tcp", "udp"]
UplinkKind = Literal[
    "login",
    "heartbeat",
    "position",
    "alarm",
    "reply",
    "compressed_records",
    "serial_data",
    "cards",
    "engine",
    "engine_totals",
    "trouble_codes",
    "photo_start",
    "photo_part",
    "photo_end",
    "server_query",
    "unknown",
]
CommandState = Literal[
    "queued", "dispatched", "written", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown"
]


class TankLevel(Struct, frozen=True):
    """Fuel in one tank."""

    tank: int
    litres: float


class SensorTemperature(Struct, frozen=True):
    """What one temperature sensor reads."""

    sensor: int
    celsius: float


class Obd(Struct, frozen=True, omit_defaults=True):
    """Engine values; null where the vehicle did not answer."""

    rpm: int | None = None
    engine_load_pct: int | None = None
    air_flow_g_s: float | None = None
    intake_pressure_kpa: int | None = None
    intake_temperature_c: int | None = None
    throttle_pct: int | None = None
    coolant_c: int | None = None
    fuel_rate_l_h: float | None = None
    fuel_level: str | None = None


class TroubleCode(Struct, frozen=True, omit_defaults=True):
    """A fault that the vehicle reports: code and state (J1979), or SPN and FMI (J1939)."""

    code: str | None = None
    state: Literal["solved", "pending"] | None = None
    spn: int | None = None
    fmi: int | None = None


class Extras(Struct, frozen=True, omit_defaults=True):
    """The parts of a report that few units send."""

    pro_code: int | None = None
    fuel: tuple[TankLevel, ...] = ()
    temperatures: tuple[SensorTemperature, ...] = ()
    obd: Obd | None = None
    driver_text: str | None = None
    unparsed: tuple[str, ...] = ()
    trouble_codes: tuple[TroubleCode, ...] = ()
    ignition_on_s: int | None = None


class ReportFields(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one message says of the vehicle at one moment, in common words over both dialects. Absent is null, never zero.

    `inputs` and `outputs` are bit masks, bit 0 = number 1. `status` is the raw status word. `analog_raw` holds the analogue
    values as sent. `stored` tells that the unit itself says it kept the record for a while before it sent it.
    """

    kind: Literal["position", "alarm"]
    event: str | None = None
    event_code: int | None = None
    event_data: str | None = None
    device_time: datetime | None = None
    fix_valid: bool = False
    latitude: float | None = None
    longitude: float | None = None
    speed_kmh: float | None = None
    course_deg: float | None = None
    altitude_m: float | None = None
    hdop: float | None = None
    satellites: int | None = None
    odometer_m: int | None = None
    mcc: int | None = None
    mnc: int | None = None
    lac: int | None = None
    cell_id: int | None = None
    csq: int | None = None
    inputs: int | None = None
    outputs: int | None = None
    status: int | None = None
    external_power: bool | None = None
    external_v: float | None = None
    battery_v: float | None = None
    analog_raw: tuple[int, ...] = ()
    stored: bool | None = None
    extras: Extras | None = None


class Uplink(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.uplink.v1"):
    """One accepted frame: where it came from, its bytes, and what the decoder read in it.

    A frame that holds several stored records makes one uplink for each, all with the bytes of the frame. `report` is there for
    positions and alarms; `details` holds the fields of other messages, whose names are those of the codec.
    `frame_id` is a hash of what the device would repeat when it sends the frame again (docs/decisions/0003).
    """

    frame_id: str
    device_id: str
    dialect: Dialect
    transport: Transport
    peer: str
    listener_id: str
    session_id: str
    generation: int
    received_at: datetime
    kind: UplinkKind
    code: str
    raw: bytes
    decoder: str
    packet_no: str | None = None
    report: ReportFields | None = None
    details: dict[str, Any] | None = None


class Report(ReportFields, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.report.v1"):
    """A report as the store holds it. The public feed: everything a subscriber sees is in the store already.

    `flags` names what is odd about it (`late` has its own field); `ignition` comes from the input configured for the device.
    """

    frame_id: str
    device_id: str
    dialect: Dialect
    received_at: datetime
    late: bool
    ignition: bool | None = None
    flags: tuple[str, ...] = ()


class Reject(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.reject.v1"):
    """Bytes that were refused. `raw` holds at most the first 4,096 of `total_bytes`."""

    peer: str
    transport: Transport
    listener_id: str
    received_at: datetime
    reason: str
    detail: str
    raw: bytes
    total_bytes: int
    dialect: Dialect | None = None
    device_id: str | None = None
    session_id: str | None = None


class Session(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.session.v1"):
    """A device's link was opened or closed. The newest `generation` of a device is its live link."""

    device_id: str
    session_id: str
    generation: int
    listener_id: str
    state: Literal["open", "closed"]
    at: datetime
    opened_at: datetime
    dialect: Dialect
    transport: Transport
    peer: str
    cause: str | None = None


class Listener(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.listener.v1"):
    """A listener renews its lease. One that has not renewed for `lease_s` holds no links."""

    listener_id: str
    state: Literal["up", "draining", "down"]
    started_at: datetime
    renewed_at: datetime
    lease_s: float
    links: int


class CommandRequest(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.command-request.v1"
):
    """Somebody asks for a command, or takes one back. `type` and `args` are those of `vt600_protocol.build_command`.

    `output_bytes` is how many outputs the device takes in one command; null means as most do.
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


class Downlink(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.downlink.v1"):
    """One dispatch of one command, meant for one link and for nobody after `deadline_at`.

    `reply_code` is the wire code of the frame that answers it, `packet_no` its packet number in the ASCII dialect.
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


class DeliveryReport(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.delivery-report.v1"
):
    """What a listener did with a dispatch, or a reply that came up a link.

    `written` and `refused` name the command and attempt. `replied` carries what the device said: `code` and `packet_no` of the
    reply, its `ok` flag (null when the reply is values), its whole frame as `payload` and its values as text.
    """

    device_id: str
    listener_id: str
    session_id: str
    generation: int
    outcome: Literal["written", "refused", "replied"]
    at: datetime
    command_id: str | None = None
    attempt: int | None = None
    reason: str | None = None
    code: str | None = None
    packet_no: str | None = None
    ok: bool | None = None
    text: str | None = None
    payload: bytes | None = None


class CommandStatus(
    Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.command-status.v1"
):
    """A command as it stands after its latest change. `revision` grows with each change and is the only order that counts."""

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


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.dead-letter.v1"):
    """A record that a consumer could not handle, with where it stood and why."""

    topic: str
    partition: int
    offset: int
    consumer: str
    error: str
    at: datetime
    key: bytes | None = None
    value: bytes | None = None
