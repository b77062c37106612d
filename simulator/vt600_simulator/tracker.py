"""One virtual tracker, without I/O: it drives, writes reports into its memory, and obeys."""

import random
from collections import deque
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal

from vt600_protocol import (
    Answer,
    Cell,
    CommandFrame,
    Confirmation,
    Identify,
    Identity,
    IntervalSetting,
    LoginReply,
    Message,
    Parameters,
    PositionReport,
    ReadInterval,
    ReadParameters,
    RequestPosition,
    SetInterval,
    SetOutput,
    command_type,
    encode_reply,
    encode_report,
)
from vt600_simulator.behaviour import HONEST, Behaviour, Reaction, ReceivedCommand, react
from vt600_simulator.route import Place, Route

Dialect = Literal["binary", "ascii"]
Transport = Literal["tcp", "udp"]

_PACKET_NUMBERS = range(0x3A, 0x7F)  # SPEC §4.1
_ALARM_EVERY = 40  # reports, on average
_IGNITION_INPUT = {"binary": 3, "ascii": 2}  # SPEC §3.6, §4.3


@dataclass(slots=True)
class Record:
    """A report in the tracker's memory, and what became of it."""

    report: PositionReport
    odometer_m: int
    writes: int = 0
    written_at: float = 0.0
    packet_no: str | None = None
    confirmed: bool = False
    link_lost_at: float | None = None


@dataclass(slots=True)
class Tracker:
    """Its identity, its way of speaking, and its state. `memory` holds what is still to be sent or confirmed, `parameters` what each
    command with a code last said."""

    device_id: str
    dialect: Dialect
    transport: Transport
    confirmed_mode: bool
    interval_s: float
    seed: int
    behaviour: Behaviour = HONEST
    outputs: int = 0
    logged_in: bool = False
    memory: deque[Record] = field(default_factory=deque)
    records: list[Record] = field(default_factory=list)
    commands: list[ReceivedCommand] = field(default_factory=list)
    parameters: dict[str, str] = field(default_factory=dict)
    _random: random.Random = field(init=False)
    _route: Route = field(init=False)
    _next_packet: int = 0
    _last_time: datetime = datetime(2000, 1, 1, tzinfo=UTC)
    _last_odometer_m: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)  # noqa: S311 - a simulation
        self._route = Route(self.seed)

    def make_record(self, now: datetime, *, linked: bool) -> Record:
        """Drive to the present moment and keep a report of it. Odometer and time grow with every report."""
        place = self._route.advance(self.interval_s)
        odometer_m = max(int(self._route.odometer_m), self._last_odometer_m + 1)
        step = 1_000 if self.dialect == "binary" else 0  # microseconds; the ASCII dialect has whole seconds only
        moment = now.replace(microsecond=now.microsecond // 1000 * 1000 if step else 0)
        if step and moment <= self._last_time:
            moment = datetime.fromtimestamp(self._last_time.timestamp() + 0.001, UTC)
        self._last_time, self._last_odometer_m = moment, odometer_m
        alarm = self._random.randrange(_ALARM_EVERY) == 0
        report = (
            self._binary(place, moment, odometer_m, alarm=alarm)
            if self.dialect == "binary"
            else self._ascii(place, moment, odometer_m, alarm=alarm, linked=linked)
        )
        record = Record(report, odometer_m)
        self.records.append(record)
        self.memory.append(record)
        return record

    def frame(self, record: Record) -> bytes:
        """The record's bytes for the wire, under the next packet number."""
        record.packet_no = chr(_PACKET_NUMBERS[self._next_packet])
        self._next_packet = (self._next_packet + 1) % len(_PACKET_NUMBERS)
        return encode_report(replace(record.report, packet_no=record.packet_no))

    def handle(self, message: Message, now: datetime, link: str) -> Reaction | None:
        """Take a downlink; what follows when it is a command."""
        match message:
            case LoginReply(accepted=accepted):
                self.logged_in = self.logged_in or accepted
            case Confirmation(packet_no=packet_no):
                self._confirm(packet_no)
            case CommandFrame():
                manner = self._random.choice(self.behaviour.manners)
                received = ReceivedCommand(self.device_id, message.code, now, message.raw, link, manner)
                self.commands.append(received)
                refusal = Answer(ok=False, reason="Failed")
                reply = encode_reply(message, refusal) if manner == "refuses" else self._obey(message, now)
                return react(message, reply, received, self.behaviour.late_s)
        return None

    def _confirm(self, packet_no: str | None) -> None:
        for record in self.memory:
            if record.writes and record.packet_no == packet_no:
                record.confirmed = True
                self.memory.remove(record)
                return

    def _obey(self, frame: CommandFrame, now: datetime) -> bytes:
        """Do it; the honest answer."""
        result = Answer(ok=True)
        if frame.command is not None and frame.command.command_class == "setting":
            self.parameters[frame.code] = frame.content.decode("latin-1")
        match frame.command:
            case RequestPosition():
                return self._position(now)
            case SetInterval(interval_s=seconds):
                self.interval_s = float(seconds) if seconds else 3600.0
                if self.dialect == "binary":
                    result = Answer(ok=True, values=IntervalSetting(interval_s=seconds))
            case ReadInterval():
                result = Answer(values=IntervalSetting(interval_s=int(self.interval_s)))
            case ReadParameters(code=code) if str(code) in self.parameters:
                result = Answer(values=Parameters(code=str(code), values=tuple(self.parameters[str(code)].split(","))))
            case SetOutput(output=output, on=on):
                self.outputs = self.outputs | 1 << (output - 1) if on else self.outputs & ~(1 << (output - 1))
            case Identify():
                identity = Identity(
                    serial_number=self.device_id[:12], imei=f"{self.device_id:0>15}", firmware="VT600_V1.0"
                )
                result = Answer(values=identity)
            case command if command is None or command_type(command).command_class == "query":
                result = Answer(ok=False, reason="Unsupport")
        return encode_reply(frame, result)

    def _position(self, now: datetime) -> bytes:
        record = self.make_record(now, linked=True)
        self.memory.remove(record)
        record.writes, record.written_at = 1, now.timestamp()
        if self.dialect == "ascii":
            record.report = replace(
                record.report, code="000", confirm=False, event="position_request", event_code=34, is_alarm=False
            )
        return self.frame(record)

    def _binary(self, place: Place, moment: datetime, odometer_m: int, *, alarm: bool) -> PositionReport:
        ignition = 1 << (_IGNITION_INPUT["binary"] - 1) if place.ignition else 0
        event, code = self._random.choice((("sos", 0x01), ("speeding", 0x11))) if alarm else ("interval", None)
        return _report(
            self,
            place,
            moment,
            odometer_m,
            code="9999" if alarm else "9955",
            event=event,
            event_code=code,
            inputs=ignition,
            status=1 << 13 | ignition << 8 | self.outputs,
            analog_raw=(0, 0, 0x0101, 0x028F),
            voltages=(None, None),
            stored=None,
        )

    def _ascii(self, place: Place, moment: datetime, odometer_m: int, *, alarm: bool, linked: bool) -> PositionReport:
        event, code = self._random.choice((("sos", 1), ("harsh_braking", 40))) if alarm else ("interval", 0)
        return _report(
            self,
            place,
            moment,
            odometer_m,
            code="010" if self.confirmed_mode else "000",
            event=event,
            event_code=code,
            inputs=1 << (_IGNITION_INPUT["ascii"] - 1) if place.ignition else 0,
            status=0b11100 | int(linked) | (0b100000 if place.speed_kmh == 0 else 0),
            analog_raw=(1216, 416, 0, 0),
            voltages=(12.16, 4.16),
            stored=not linked,
        )


def _report(
    tracker: Tracker,
    place: Place,
    moment: datetime,
    odometer_m: int,
    *,
    code: str,
    event: str,
    event_code: int | None,
    inputs: int,
    status: int,
    analog_raw: tuple[int, ...],
    voltages: tuple[float | None, float | None],
    stored: bool | None,
) -> PositionReport:
    return PositionReport(
        dialect=tracker.dialect,
        device_id=tracker.device_id,
        code=code,
        packet_no=None,
        raw=b"",
        content=b"",
        event=event,
        event_code=event_code,
        event_data=None,
        is_alarm=event != "interval",
        confirm=code == "010",
        device_time=moment,
        fix_valid=True,
        latitude=place.latitude,
        longitude=place.longitude,
        speed_kmh=place.speed_kmh,
        course_deg=place.course_deg,
        altitude_m=place.altitude_m,
        hdop=0.9,
        satellites=11,
        odometer_m=odometer_m,
        cell=Cell(mcc=262, mnc=1, lac=6111, cell_id=15952015),
        csq=21,
        inputs=inputs,
        outputs=tracker.outputs,
        status=status,
        external_power=True,
        external_v=voltages[0],
        battery_v=voltages[1],
        analog_raw=analog_raw,
        stored=stored,
        pro_code=1 if tracker.dialect == "ascii" else None,
        fuel=(),
        temperatures=(),
        obd=None,
        driver_text=None,
        unparsed=(),
    )
