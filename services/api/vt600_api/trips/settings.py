"""Settings of the process that works out trips, read from `TRIPS_…`."""

from typing import Literal, Self

from pydantic import Field, SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from vt600_api.trips.spans import Rules

_DEFAULTS = Rules()


class TripsSettings(BaseSettings):
    """The rules, and how often they are applied: a device waits `interval_s` at most once its reports are stored.

    After a change of a rule the process works out all history anew when it starts.
    """

    model_config = SettingsConfigDict(env_prefix="TRIPS_", frozen=True)

    database_url: SecretStr
    detect_by: Literal["ignition", "movement"] = _DEFAULTS.detect_by
    moving_kmh: float = Field(default=_DEFAULTS.moving_kmh, gt=0, le=100)
    stop_min_s: float = Field(default=_DEFAULTS.stop_min_s, gt=0, le=86_400)
    trip_min_m: float = Field(default=_DEFAULTS.trip_min_m, gt=0, le=100_000)
    trip_min_s: float = Field(default=_DEFAULTS.trip_min_s, gt=0, le=86_400)
    gap_s: float = Field(default=_DEFAULTS.gap_s, gt=0, le=7 * 86_400)
    still_radius_m: float = Field(default=_DEFAULTS.still_radius_m, ge=0, le=1000)
    fastest_kmh: float = Field(default=_DEFAULTS.fastest_kmh, gt=0, le=10_000)
    interval_s: float = Field(default=5.0, gt=0, le=3600)
    probes_host: str = "0.0.0.0"  # noqa: S104 - probes are asked from outside the pod
    probes_port: int = Field(default=9085, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"

    @model_validator(mode="after")
    def _gap_is_no_stop(self) -> Self:
        if self.gap_s < self.stop_min_s:
            raise ValueError("gap_s must not be less than stop_min_s")
        return self

    def rules(self) -> Rules:
        """The rules alone."""
        return Rules(**{name: getattr(self, name) for name in Rules.__struct_fields__})
