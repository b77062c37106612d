"""Outputs, inputs, and what is wired to the unit (SPEC §3.10, §4.7)."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Many, Text, Whole, Words
from vt600_protocol.commands.base import Actuating, Query, Setting, command
from vt600_protocol.commands.kinds import (
    Cards,
    Celsius,
    Change,
    EventCodes,
    Index8,
    Input,
    Millimetres,
    Milliseconds,
    Name,
    Output,
    SafeSpeedKmh,
    Seconds,
    Tank,
)
from vt600_protocol.errors import CommandError

State = Literal["off", "on", "keep"]
STATES = Words(off=0, on=1, keep=2)


@command
class SetOutput(Actuating):
    """Switch one output on (pulled low) or off, for `duration_ms` or, with 0, lastingly.

    With `safe_speed_kmh` the unit itself waits for a fix and a lower speed. Binary: `4115` without a safe speed, `4114` for
    10 km/h, `5114` for 20 km/h. ASCII: `900`, any speed.
    """

    output: Output
    on: bool
    duration_ms: Milliseconds = 0
    safe_speed_kmh: SafeSpeedKmh | None = None


@command
class SetOutputs(Actuating):
    """Switch several outputs at once, from output 1 on: `4114`, `5114`, `4115`. For one output there is SetOutput."""

    states: Annotated[tuple[State, ...], Many(STATES, 2, 5)]
    safe_speed_kmh: SafeSpeedKmh | None = None

    def check(self) -> None:
        if len(self.states) - self.states.count("keep") < 2 or self.states[-1] == "keep":
            raise CommandError(
                "states is a list that switches at least two outputs, the last one too", argument="states"
            )


@command
class SetImmobiliser(Actuating):
    """Cut (`engaged`) or give back the engine by output 1, with the unit's own speed interlock when it cuts (SPEC §6).

    It is encoded as the SetOutput that it means.
    """

    engaged: bool
    safe_speed_kmh: SafeSpeedKmh = 10

    def as_said(self) -> SetOutput:
        return SetOutput(output=1, on=self.engaged, safe_speed_kmh=self.safe_speed_kmh if self.engaged else None)


@command
class SetOutputPattern(Setting):
    """What `901` starts at an output: `251`. A safe speed as in SetOutput."""

    output: Output
    mode: Annotated[Literal["on", "off", "pulse"], Words(on=1, off=2, pulse=3)]
    duration_s: Seconds = 0
    on_ms: Milliseconds = 0
    off_ms: Milliseconds = 0
    safe_speed_kmh: SafeSpeedKmh | None = None


@command
class RunOutputPattern(Actuating):
    """Start or stop the pattern of an output: `901`."""

    output: Output
    running: bool


@command
class SetOutputEvents(Actuating):
    """Which events (§4.6) drive an output: `212`. It may cut an engine later, so it counts as actuating."""

    output: Output
    change: Change
    events: EventCodes


@command
class SetInput(Setting):
    """What makes an input active, and how long it must last: `250`."""

    input: Input
    mode: Annotated[Literal["low", "high", "analogue"], Words(low=0, high=1, analogue=2)]
    duration_ms: Milliseconds = 0


@command
class SetAccessory(Setting):
    """What hangs at a serial port: `252`."""

    port: Annotated[int, Whole(1, 9)]
    accessory: Annotated[
        Literal["none", "rfid", "obd", "camera", "fuel", "wifi"], Words(none=0, rfid=1, obd=2, camera=3, fuel=4, wifi=5)
    ]


@command
class SetOdometer(Actuating):
    """Set the odometer: `4351` (to 0 only), `610`. The old count is lost."""

    odometer_m: Annotated[int, Whole(0, 0xFFFF_FFFF)]


@command
class SetLights(Setting):
    """The unit's lights on or off: `620`."""

    on: bool


@command
class SetTemperatureSensor(Setting):
    """Bind a temperature sensor and name it: `135`."""

    index: Index8
    name: Name


@command
class SetTemperatureLimits(Setting):
    """Events 46 and 47 above and below: `136`."""

    index: Index8
    high_c: Celsius
    low_c: Celsius


@command
class ReadTemperatures(Query):
    """What the sensors read: `137`."""


@command
class SetTankSize(Setting):
    """A tank's inner size: `138`."""

    tank: Tank
    length_mm: Millimetres
    width_mm: Millimetres
    height_mm: Millimetres


@command
class SetFuelSensor(Setting):
    """The type (0–3) and name of a tank's sensor: `139`."""

    tank: Tank
    sensor_type: Annotated[int, Whole(0, 3)]
    name: Name


@command
class SetFuelSource(Setting):
    """Where a tank's sensor is wired: `142`."""

    tank: Tank
    source: Annotated[Literal["ad1", "ad2", "rs232_1", "rs232_2"], Words(ad1=0, ad2=1, rs232_1=2, rs232_2=3)]


@command
class AuthoriseCards(Setting):
    """Let drivers' cards start the engine; without cards the next swipes are learnt: `144`."""

    cards: Cards | None = None


@command
class RemoveCards(Setting):
    """Take drivers' cards out, all without cards: `145`."""

    cards: Cards | None = None


@command
class ReadCards(Query):
    """Which of these cards are authorised: `146`."""

    cards: Cards


@command
class SetCardTime(Setting):
    """How long after a swipe the engine may be started: `147` (60)."""

    seconds: Seconds = 60


@command
class SetObdMake(Setting):
    """The make of the car, as OBD units number them: `270`."""

    make: Annotated[str, Text(4, 4, r"[0-9A-F]{4}", "upper-case hex digits")]


@command
class PassObdThrough(Setting):
    """Pass OBD bytes through: `271`."""
