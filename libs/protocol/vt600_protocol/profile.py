"""How one unit is wired and set up: what its messages mean beyond what the wire says (SPEC §3.6, §3.10, §6).

Applied once, where reports are stored, and never in the decoder: history can be read again when a setting changes.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from vt600_protocol.messages import Dialect

# The best guess: ASCII units have ignition at input 2 (D), binary ones at input 3 (I).
_IGNITION_INPUT: dict[Dialect, int] = {"ascii": 2, "binary": 3}
_ANALOG_VALUES = 4  # iStartek's binary units send four (SPEC §3.6, I)


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceProfile:
    """The settings of one device. None and the defaults are what the SPEC holds to be likely.

    `external_v_per_unit` and `battery_v_per_unit` scale the third and fourth analogue value of binary units. `output_bytes` is how
    many outputs a binary unit takes in one command: 1, 2 or 5. `log_offset_min` is how far the times of logged positions (`9016`)
    are ahead of UTC.
    """

    ignition_input: int | None = None
    external_v_per_unit: float = 48 / 1024
    battery_v_per_unit: float = 6 / 1024
    output_bytes: int = 5
    log_offset_min: int = 0

    def ignition(self, dialect: Dialect, inputs: int | None) -> bool | None:
        """Whether the ignition is on, from the mask of the inputs."""
        if inputs is None:
            return None
        return inputs >> ((self.ignition_input or _IGNITION_INPUT[dialect]) - 1) & 1 == 1

    def volts(self, analog_raw: Sequence[int]) -> tuple[float, float] | tuple[None, None]:
        """External supply and battery of a binary unit, None for units that do not send four values."""
        if len(analog_raw) != _ANALOG_VALUES:
            return None, None
        return analog_raw[2] * self.external_v_per_unit, analog_raw[3] * self.battery_v_per_unit

    def log_time(self, device_time: datetime) -> datetime:
        """The UTC time of a logged position."""
        return device_time - timedelta(minutes=self.log_offset_min)
