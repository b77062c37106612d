"""Settings of the process that carries campaigns out, read from `CAMPAIGNS_…`. What may be asked of devices is in `API_…`."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CampaignsSettings(BaseSettings):
    """Each campaign is looked at every `interval_s`."""

    model_config = SettingsConfigDict(env_prefix="CAMPAIGNS_", frozen=True)

    database_url: SecretStr
    interval_s: float = Field(default=1.0, gt=0, le=60)
    probes_host: str = "0.0.0.0"  # noqa: S104 - probes are asked from outside the pod
    probes_port: int = Field(default=9086, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
