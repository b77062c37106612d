"""When the unit raises an alarm (SPEC §3.10, §4.7)."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Many, Whole, Words
from vt600_protocol.commands.base import Setting, command
from vt600_protocol.commands.kinds import (
    Index8,
    Latitude,
    Litres,
    Longitude,
    Minutes,
    Name,
    Seconds,
    SpeedKmh,
    Tank,
    Threshold,
)
from vt600_protocol.errors import CommandError

TRIGGERS = Words(none=0, active=1, inactive=2, both=3)


@command
class SetSpeedLimit(Setting):
    """Alarm above a speed, 0 off: `4105` (steps of 10, to 200), `123`."""

    speed_kmh: SpeedKmh


@command
class SetLowSpeed(Setting):
    """Event 57 below a speed, 0 off: `154`."""

    speed_kmh: SpeedKmh


@command
class SetMovementAlarm(Setting):
    """Alarm when the unit leaves a circle around the place where it is, 0 off: `4106`."""

    radius_m: Annotated[int, Whole(0, 0xFFFF_FFFF)]


@command
class SetFence(Setting):
    """A circle that raises an alarm when it is left, entered or both: `4302`, `125`. Without a place it lies around the unit."""

    index: Index8 = 1
    alarm: Annotated[Literal["none", "leave", "enter", "both"], Words(none=0, leave=1, enter=2, both=3)]
    radius_m: Annotated[int, Whole(1, 0xFFFF_FFFF)] | None = None
    latitude: Latitude | None = None
    longitude: Longitude | None = None

    def check(self) -> None:
        if (self.latitude is None) != (self.longitude is None):
            missing = "latitude" if self.latitude is None else "longitude"
            raise CommandError("latitude and longitude are given both or none", argument=missing)


@command
class SetFenceName(Setting):
    """Name a fence: `126`."""

    index: Index8
    name: Name


@command
class DeleteFence(Setting):
    """Delete one fence, all without an index: `127`."""

    index: Index8 | None = None


@command
class SetInputTriggers(Setting):
    """Which edges of each input raise an alarm, from input 1 on: `4116`."""

    triggers: Annotated[tuple[str, ...], Many(TRIGGERS, 1, 5)]


@command
class SetHarshAcceleration(Setting):
    """Event 39 above an acceleration in thousandths of g: `128` (450)."""

    threshold_mg: Threshold = 450


@command
class SetHarshBraking(Setting):
    """Event 40 above a deceleration in thousandths of g: `129` (800)."""

    threshold_mg: Threshold = 800


@command
class SetHarshTurn(Setting):
    """Event 41 above a level: `130` (19)."""

    level: Annotated[int, Whole(0, 32)] = 19


@command
class SetImpact(Setting):
    """Event 42 above a level: `131` (5)."""

    level: Annotated[int, Whole(0, 10)] = 5


@command
class SetTow(Setting):
    """Event 35 after so long a movement; only while the ignition is off, or always: `132`."""

    after_s: Seconds
    when: Annotated[Literal["ignition_off", "always"], Words(ignition_off=0, always=1)] = "ignition_off"


@command
class SetIdling(Setting):
    """Event 38 after so long a stand with the engine running: `133`."""

    after_min: Minutes


@command
class SetFatigue(Setting):
    """Events 43–45: longest single drive, shortest rest, longest drive in all: `134`."""

    single_min: Minutes
    rest_min: Minutes
    total_min: Minutes


@command
class SetFuelTheft(Setting):
    """Event 48 when so much fuel is gone within so long: `140`."""

    tank: Tank
    litres: Litres
    seconds: Seconds


@command
class SetFuelLow(Setting):
    """Event 49 below so much fuel: `141`."""

    tank: Tank
    litres: Litres


@command
class SetVibrationSensitivity(Setting):
    """How small a shake counts, small is sensitive: `4135` (1–255, 30 by default), `151` (3–255)."""

    sensitivity: Annotated[int, Whole(1, 255)]


@command
class SetArmed(Setting):
    """Arm or disarm: `152`."""

    armed: bool


@command
class SetJammingAlarm(Setting):
    """Event 50 after so long a jam: `153`."""

    after_s: Seconds


@command
class SetAntennaAlarm(Setting):
    """Alarm when the GPS antenna is cut: `4150`."""

    enabled: bool
