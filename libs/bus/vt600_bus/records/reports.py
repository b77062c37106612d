"""What devices send, as it came, as it is stored, and as it was refused."""

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
