"""How a device is wired and set up: what its reports mean beyond what is on the wire (SPEC §3.6, §3.10)."""

import json
from dataclasses import fields
from functools import lru_cache
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from vt600_protocol import DeviceProfile

_DEFAULTS = DeviceProfile()
_KNOWN = frozenset(field.name for field in fields(DeviceProfile))
_REMEMBERED = 10_000


class DeviceSettings(BaseModel):
    """What is not given is as most units are."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)

    ignition_input: Annotated[
        int | None, Field(ge=1, le=16, description="Input that is the ignition; null: 2 (ASCII) or 3 (binary).")
    ] = _DEFAULTS.ignition_input
    external_v_per_unit: Annotated[
        float, Field(gt=0, le=10, description="Volts of the supply per unit of the third analogue value (binary).")
    ] = _DEFAULTS.external_v_per_unit
    battery_v_per_unit: Annotated[
        float, Field(gt=0, le=10, description="Volts of the battery per unit of the fourth analogue value (binary).")
    ] = _DEFAULTS.battery_v_per_unit
    output_bytes: Annotated[
        Literal[1, 2, 5], Field(description="Outputs that the unit takes in one command (binary).")
    ] = 5
    interlock_speed_kmh: Annotated[
        float | None, Field(gt=0, le=200, description="The engine is cut below this speed only; null: as for all.")
    ] = None
    interlock_fix_age_s: Annotated[
        float | None, Field(gt=0, le=86_400, description="And only while the newest fix is no older; null: as for all.")
    ] = None
    log_offset_min: Annotated[
        int, Field(ge=-840, le=840, description="How far the times of logged positions are ahead of UTC.")
    ] = _DEFAULTS.log_offset_min


@lru_cache(maxsize=_REMEMBERED)
def profile_of(settings: str | None) -> DeviceProfile:
    """The profile of the stored settings, of JSON text; it was checked when it was stored.

    A setting that this version does not know, of a newer one that was rolled back, is passed over.
    """
    if not settings:
        return _DEFAULTS
    return DeviceProfile(**{name: value for name, value in json.loads(settings).items() if name in _KNOWN})
