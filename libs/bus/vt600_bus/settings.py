"""Where Kafka is, and how one is let in."""

import ssl
from functools import cache
from pathlib import Path
from typing import Literal, Self, TypedDict

from pydantic import SecretStr, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict


class ClientOptions(TypedDict):
    """What every client of aiokafka takes to reach the brokers."""

    bootstrap_servers: str
    security_protocol: str
    ssl_context: ssl.SSLContext | None
    sasl_mechanism: str
    sasl_plain_username: str | None
    sasl_plain_password: str | None


class KafkaSettings(BaseSettings):
    """Read from `KAFKA_…`. `bootstrap_servers` is a comma-separated list of host:port.

    With TLS the broker's certificate must name its host and come from `ssl_cafile`, or from an authority that the system trusts.
    """

    model_config = SettingsConfigDict(env_prefix="KAFKA_", frozen=True)

    bootstrap_servers: str = "127.0.0.1:29092"
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    sasl_mechanism: Literal["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] = "SCRAM-SHA-512"
    sasl_username: str | None = None
    sasl_password: SecretStr | None = None
    ssl_cafile: Path | None = None

    @model_validator(mode="after")
    def _is_complete(self) -> Self:
        if self.security_protocol.startswith("SASL_") and not (self.sasl_username and self.sasl_password):
            raise ValueError(f"{self.security_protocol} needs KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD")
        try:
            self._tls()
        except OSError as error:  # ssl.SSLError is one, too
            raise ValueError(f"KAFKA_SSL_CAFILE: {self.ssl_cafile} holds no certificates: {error}") from error
        return self

    def client_options(self) -> ClientOptions:
        """For every client's constructor."""
        password = self.sasl_password
        return ClientOptions(
            bootstrap_servers=self.bootstrap_servers,
            security_protocol=self.security_protocol,
            ssl_context=self._tls(),
            sasl_mechanism=self.sasl_mechanism,
            sasl_plain_username=self.sasl_username,
            sasl_plain_password=None if password is None else password.get_secret_value(),
        )

    def _tls(self) -> ssl.SSLContext | None:
        return _tls_context(self.ssl_cafile) if self.security_protocol.endswith("SSL") else None


@cache
def _tls_context(cafile: Path | None) -> ssl.SSLContext:
    """Read once: clients are made anew in every outage."""
    return ssl.create_default_context(cafile=cafile)
