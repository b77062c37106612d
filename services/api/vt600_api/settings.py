"""Settings of the REST and WebSocket process."""

from typing import Literal

from pydantic import SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class CommandSettings(BaseSettings):
    """What may be asked of devices, read from `API_…` by every process that asks: the same rules for all of them."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True)

    bus_timeout_s: float = 5.0
    actuating_deadline_limit_s: float = 3600.0
    deadline_limit_s: float = 7 * 24 * 3600.0
    max_queued_commands: int = 100
    interlock_speed_kmh: float = 20.0
    interlock_fix_age_s: float = 120.0
    confirm_s: float = 0.0
    campaign_actuating_per_minute: int = 60


class ApiSettings(CommandSettings):
    """Those and the rest of `API_…`."""

    database_url: SecretStr
    host: str = "0.0.0.0"  # noqa: S104 - a server
    port: int = 8080
    probes_host: str = "0.0.0.0"  # noqa: S104
    probes_port: int = 9083
    log_level: str = "info"
    log_format: Literal["json", "console"] = "json"
    database_pool_size: int = 10
    query_timeout_s: float = 10.0
    exports_at_once: int = 4
    export_stall_s: float = 60.0
    key_cache_s: float = 5.0
    stream_heartbeat_s: float = 15.0
    stream_queue_messages: int = 1000
    stream_behind_s: float = 30.0
