"""Settings of the commander, read from `COMMANDER_…`."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommanderSettings(BaseSettings):
    """`reply_timeout_s` is how long an answer is waited for before a query or setting is sent again, `attempts` how often it is sent at
    most, `back_off_s` the first pause between; the second is twice as long, and so on. `dispatch_timeout_s` is how long a listener
    may stay silent about a dispatch, `overtake_after_s` how long a silent command may be in the way of a safety command.

    With `open_window` a command for a device that has been quiet waits at the listener for its next sign of life. A device's queue
    holds at most `max_queued` commands. No actuating command waits longer than `actuating_limit_s`, whoever asked for it. A command
    that ended is forgotten `keep_days` after its deadline: later than its request leaves the bus, so that it is never taken for new.
    """

    model_config = SettingsConfigDict(env_prefix="COMMANDER_", frozen=True)

    database_url: SecretStr
    reply_timeout_s: float = Field(default=30.0, gt=0)
    dispatch_timeout_s: float = Field(default=10.0, gt=0)
    attempts: int = Field(default=3, ge=1)
    back_off_s: float = Field(default=5.0, gt=0)
    overtake_after_s: float = Field(default=3.0, gt=0)
    open_window: bool = True
    max_queued: int = Field(default=100, ge=1)
    actuating_limit_s: float = Field(default=3600.0, gt=0)
    keep_days: int = Field(default=30, ge=8, le=36_500)
    probes_host: str = "0.0.0.0"  # noqa: S104 - probes are asked from outside the pod
    probes_port: int = Field(default=9084, ge=0, le=65535)
    log_level: str = "info"
    log_format: Literal["json", "console"] = "json"
