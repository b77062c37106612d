"""Decoded frames. Absent or blank is None, never zero; units are in the names; SPEC sections are in the docstrings."""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from vt600_protocol.commands.base import Command
from vt600_protocol.replies import ReplyValues

Dialect = Literal["binary", "ascii"]
Role = Literal["server", "device"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """One frame, whole and with a right checksum.

    `code` is the command as four hex digits (binary, SPEC §3.4) or three digits (ASCII, §4.2). `packet_no` is the ASCII packet
    number (§4.5). `raw` is the whole frame; `content` is the part that a device repeats when it sends a record again: the data
    after the command, without packet number, length and checksum.
    """

    dialect: Dialect
    device_id: str
    code: str
    packet_no: str | None
    raw: bytes
    content: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Login(Message):
    """A binary unit says who it is and waits for LoginReply (SPEC §3.5)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Heartbeat(Message):
    """A framed sign of life: binary `0001`, ASCII `030`. The bare byte `00` is counted by Connection.heartbeats instead."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """The radio cell that the unit is registered in (SPEC §3.6, §4.3)."""

    mcc: int
    mnc: int
    lac: int
    cell_id: int


@dataclass(frozen=True, slots=True, kw_only=True)
class TankLevel:
    """Fuel in one tank (SPEC §4.3 field 19)."""

    tank: int
    litres: float


@dataclass(frozen=True, slots=True, kw_only=True)
class SensorTemperature:
    """What one temperature sensor reads (SPEC §4.3 field 20)."""

    sensor: int
    celsius: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Obd:
    """Engine values; None where the vehicle did not answer (SPEC §4.3 field 21)."""

    rpm: int | None
    engine_load_pct: int | None
    air_flow_g_s: float | None
    intake_pressure_kpa: int | None
    intake_temperature_c: int | None
    throttle_pct: int | None
    coolant_c: int | None
    fuel_rate_l_h: float | None
    fuel_level: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleCode:
    """A fault that the vehicle reports (SPEC §4.6). J1979: `code` like `P0195`, and whether it is solved or pending. J1939: `spn`
    and `fmi`."""

    code: str | None = None
    state: Literal["solved", "pending"] | None = None
    spn: int | None = None
    fmi: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport(Message):
    """A position or an alarm of either dialect (SPEC §3.6, §3.7, §4.3, §4.6).

    `event` is the common name of what caused it (`vt600_protocol.events`), None where the code is unknown or missing;
    `event_code` is the code as sent. `is_alarm` is true for events that somebody should look at, false for routine reports.
    `inputs` and `outputs` are bit masks, bit 0 = number 1. `status` is the state word (binary) or system status (ASCII).
    `analog_raw` is the AD list (binary) or all voltages in hundredths of a volt (ASCII), as sent. `external_v` and `battery_v`
    are set only where the SPEC documents the scale (ASCII). `stored` is true when the unit says that the record was made while
    its link was down (ASCII status bit 0 clear), None where it cannot say. `confirm` is true when the unit keeps the record
    until it is confirmed (ASCII `010`). `trouble_codes` are the event data of event 56, `ignition_on_s` is the extra of pro-code 129
    (R). `unparsed` keeps what no field of the SPEC explains.
    """

    event: str | None
    event_code: int | None
    event_data: str | None
    is_alarm: bool
    confirm: bool
    device_time: datetime | None
    fix_valid: bool
    latitude: float | None
    longitude: float | None
    speed_kmh: float | None
    course_deg: float | None
    altitude_m: float | None
    hdop: float | None
    satellites: int | None
    odometer_m: int | None
    cell: Cell | None
    csq: int | None
    inputs: int | None
    outputs: int | None
    status: int | None
    external_power: bool | None
    external_v: float | None
    battery_v: float | None
    analog_raw: tuple[int, ...]
    stored: bool | None
    pro_code: int | None
    fuel: tuple[TankLevel, ...]
    temperatures: tuple[SensorTemperature, ...]
    obd: Obd | None
    driver_text: str | None
    unparsed: tuple[str, ...]
    trouble_codes: tuple[TroubleCode, ...] = ()
    ignition_on_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredRecords(Message):
    """Several records resent in one frame, `6688` (SPEC §3.8; C, R). Each record's `raw` is the frame, its `content` its own part."""

    records: tuple[PositionReport, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CompressedRecords(Message):
    """Several records in a layout that is not published, `020` (SPEC §4.2). The unit keeps them until they are confirmed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SerialData(Message):
    """Bytes of an accessory at the serial port, passed through: `710` (SPEC §4.2, C). They are `content`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandReply(Message):
    """A device answers a command (SPEC §3.10, §4.7). `answers` is the code of the command that it answers.

    `ok` is the device's own yes or no; None when the reply carries values instead. `reason` is the device's word for no
    (`Failed`, `Unsupport`, flag `00`). `values` are what it carries, None when that is nothing or not laid out as the SPEC says.
    `text` is the reply's data as text, hex when it is not text.
    """

    answers: str
    ok: bool | None
    reason: str | None
    values: ReplyValues | None
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class LoggedPosition(CommandReply):
    """One record of the log and how many there are, the answer to ReadLog: `9016` (SPEC §3.8)."""

    device_random: int
    server_random: int
    records_stored: int
    report: PositionReport


@dataclass(frozen=True, slots=True, kw_only=True)
class Unknown(Message):
    """A whole frame of a kind that this decoder does not know, or knows and finds laid out in another way."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerQuery(Message):
    """A unit of another maker asks for the server's address: `0002` (SPEC §3.4, C, R)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LoginReply(Message):
    """The server's answer to a login, `4000` (SPEC §3.5)."""

    accepted: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class HeartbeatReply(Message):
    """The server's answer to a framed heartbeat, `0001` (SPEC §3.4, R)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerAddress(Message):
    """The server's answer to a ServerQuery, `0002`: `host:port` (SPEC §3.4, R)."""

    address: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Confirmation(Message):
    """The server holds the record: `010,1` or `020,1` with the same packet number (SPEC §4.2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CommandFrame(Message):
    """A command as it arrives at a device. `command` is None when this decoder does not know its code."""

    command: Command | None
