"""Where Kafka is."""

from pydantic_settings import BaseSettings, SettingsConfigDict


class KafkaSettings(BaseSettings):
    """Read from `KAFKA_…`. `bootstrap_servers` is a comma-separated list of host:port."""

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True)

    bootstrap_servers: str = "127.0.0.1:29092"
