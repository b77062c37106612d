"""Settings of the commander, read from `COMMANDER_…`."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommanderSettings(BaseSettings):
    """`reply_timeout_s` is how long an answer is waited for before a query or setting is sent again, `attempts` how often it is sent at most.

    `dispatch_timeout_s` is how long a listener may stay silent about a dispatch.
    """

    model_config = SettingsConfigDict(env_prefix="COMMANDER_", frozen=True)

    database_url: SecretStr
    reply_timeout_s: float = Field(default=30.0, gt=0)
    dispatch_timeout_s: float = Field(default=10.0, gt=0)
    attempts: int = Field(default=3, ge=1)
    probes_host: str = "0.0.0.0"  # noqa: S104 - probes are asked from outside the pod
    probes_port: int = Field(default=9084, ge=0, le=65535)
    log_level: str = "info"
    log_format: Literal["json", "console"] = "json"
