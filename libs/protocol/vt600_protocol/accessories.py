"""What other makers' units and accessories send beside positions (SPEC §3.9; C, R)."""

from dataclasses import dataclass
from datetime import datetime

from vt600_protocol.messages import Message


@dataclass(frozen=True, slots=True, kw_only=True)
class CardReport(Message):
    """Fifteen places for driver cards, 0 where there is none, and where the vehicle is: `9966`."""

    cards: tuple[int, ...]
    device_time: datetime | None
    latitude: float | None
    longitude: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineReport(Message):
    """Engine values: `9901`. The units of fuel, range and odometer are not documented."""

    battery_v: float | None
    rpm: float | None
    speed_kmh: float | None
    throttle_pct: float | None
    engine_load_pct: float | None
    coolant_c: float | None
    fuel_now: float | None
    fuel_mean: float | None
    range: float | None
    odometer: float | None
    trip_fuel: float | None
    total_fuel: float | None
    trouble_codes: float | None
    hard_accelerations: float | None
    hard_brakings: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class EngineTotals(Message):
    """Totals of the engine's life or trip: `9902`. The units of the times are not documented."""

    ignitions: float | None
    driving_time: float | None
    idling_time: float | None
    hot_start_time: float | None
    mean_speed_kmh: float | None
    top_speed_kmh: float | None
    top_rpm: float | None
    hard_accelerations: float | None
    hard_brakings: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TroubleCodeReport(Message):
    """Trouble codes as text, for example `C1E88`: `9903`."""

    codes: tuple[str, ...]
