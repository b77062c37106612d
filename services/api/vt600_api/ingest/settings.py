"""Settings of the ingest process, read from `INGEST_…`."""

from typing import Literal

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from vt600_api.ingest.admission import PendingPolicy, Unregistered


class PendingSettings(BaseSettings):
    """`unregistered` is what becomes of devices that nobody registered: `adopt` makes them active, `pending` lets them wait for somebody,
    `reject` stores nothing of them. Of pending ones there are at most `pending_devices`, `pending_per_address` of them introduced by
    the same address (IPv6: the same /64), and `pending_frames` frames are kept of each (docs/decisions/0013).
    """

    model_config = SettingsConfigDict(env_prefix="INGEST_", frozen=True)

    unregistered: Unregistered = "pending"
    pending_devices: int = Field(default=10_000, ge=1)
    pending_per_address: int = Field(default=1_000, ge=1)
    pending_frames: int = Field(default=10_000, ge=1)

    @property
    def pending_policy(self) -> PendingPolicy:
        """The same for those that store."""
        return PendingPolicy(
            unregistered=self.unregistered,
            devices=self.pending_devices,
            per_address=self.pending_per_address,
            frames=self.pending_frames,
        )


class IngestSettings(PendingSettings):
    """`batch_records` bounds a transaction; batches are as small as the traffic is.

    `workers` share the partitions of uplinks: while PostgreSQL works for one, the other reads. More than two gain nothing in one process.
    """

    database_url: SecretStr
    batch_records: int = Field(default=10_000, ge=1, le=50_000)
    workers: int = Field(default=2, ge=1, le=8)
    drain_timeout_s: float = Field(default=10.0, gt=0)
    probes_host: str = "0.0.0.0"  # noqa: S104 - probes are asked from outside the pod
    probes_port: int = Field(default=9082, ge=0, le=65535)
    log_level: Literal["debug", "info", "warning", "error"] = "info"
    log_format: Literal["json", "console"] = "json"
