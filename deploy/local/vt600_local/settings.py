"""What may be set for `make run`, all by the environment. The services' own settings reach them as they are."""

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict


class StackSettings(BaseSettings):
    """Servers to use instead of the embedded ones, ports, and the size of the simulated fleet."""

    model_config = SettingsConfigDict(frozen=True, env_ignore_empty=True)

    kafka_bootstrap_servers: str | None = None
    database_url: SecretStr | None = None

    vt600_kafka_port: int = Field(default=29092, ge=1, le=65535)
    vt600_postgres_port: int = Field(default=25432, ge=1, le=65535)
    listener_port: int = Field(default=8888, ge=1, le=65535)
    listener_probes_port: int = Field(default=9081, ge=1, le=65535)
    ingest_probes_port: int = Field(default=9082, ge=1, le=65535)
    api_port: int = Field(default=8080, ge=1, le=65535)
    api_probes_port: int = Field(default=9083, ge=1, le=65535)
    commander_probes_port: int = Field(default=9084, ge=1, le=65535)
    trips_probes_port: int = Field(default=9085, ge=1, le=65535)
    campaigns_probes_port: int = Field(default=9086, ge=1, le=65535)

    vt600_fleet: int = Field(default=20, ge=0, le=10_000)
    vt600_started_at: float | None = None  # seconds since 1970: when `make run` was typed

    def ports(self) -> dict[str, int]:
        """Every port that this run takes, by the name of its setting."""
        unused = set()
        if self.kafka_bootstrap_servers is not None:
            unused.add("vt600_kafka_port")
        if self.database_url is not None:
            unused.add("vt600_postgres_port")
        values = self.model_dump(exclude=unused)
        return {name.upper(): int(value) for name, value in values.items() if name.endswith("_port")}
