"""What an operator may set, all with the prefix `LISTENER_`."""

import os
import socket
from typing import Annotated, Literal, Self

from pydantic import Field, IPvAnyNetwork, field_validator, model_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

_MIB = 1024 * 1024


def _default_id() -> str:
    return f"{socket.gethostname()}-{os.getpid()}"


class ListenerSettings(BaseSettings):
    """Ports, limits and time-outs of one listener process."""

    model_config = SettingsConfigDict(env_prefix="LISTENER_", frozen=True)

    id: str = Field(default_factory=_default_id, min_length=1, max_length=200)  # digits of each start are added
    host: str = "0.0.0.0"  # noqa: S104  trackers come from anywhere
    port: int = Field(default=8888, ge=0, le=65535)
    public_address: Annotated[str | None, Field(pattern=r"^[!-~]+:[0-9]+$", max_length=64)] = None
    """What units of other makers are told when they ask for the server, as `host:port` (SPEC §3.4)."""
    probes_host: str = "0.0.0.0"  # noqa: S104  the kubelet and Prometheus come from other hosts
    probes_port: int = Field(default=9081, ge=0, le=65535)
    log_level: str = "info"
    log_format: Literal["json", "console"] = "json"

    # Who may connect. 0 links per address means no such limit.
    allowed_networks: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    # Behind a balancer that names the peer of each TCP connection; `required` takes connections from trusted ones only.
    proxy_protocol: Literal["off", "required"] = "off"
    proxy_trusted: Annotated[tuple[IPvAnyNetwork, ...], NoDecode] = ()
    proxy_header_timeout_s: float = Field(default=5.0, gt=0)
    max_links: int = Field(default=20_000, ge=1)
    max_links_per_address: int = Field(default=1_000, ge=0)
    accept_rate_per_s: float = Field(default=2_000.0, gt=0)
    accept_burst: int = Field(default=10_000, ge=1)
    max_udp_sessions: int = Field(default=50_000, ge=1)

    # What may wait for the broker, and how long.
    window_frames: int = Field(default=512, ge=1)
    max_pending_bytes: int = Field(default=32 * _MIB, ge=_MIB)
    bus_away_limit_s: float = Field(default=30.0, gt=0)

    # How long a link may be silent: until others are told that it is quiet, and until it is closed.
    quiet_after_s: float = Field(default=10 * 60.0, gt=0)
    first_frame_timeout_s: float = Field(default=60.0, gt=0)
    half_frame_timeout_s: float = Field(default=30.0, gt=0)
    binary_idle_timeout_s: float = Field(default=15 * 60.0, gt=0)
    ascii_idle_timeout_s: float = Field(default=30 * 60.0, gt=0)

    # For how long after a unit was last heard the network is trusted to know the way back to it: a command that comes later waits for
    # its next bytes. 0 is not at all, which never reaches a unit that comes from another UDP port with each report: what waited for the
    # last port comes back from the commander for the new one. And by how much our clock may be behind the commander's before commands
    # are refused.
    tcp_path_s: float = Field(default=50.0, ge=0)
    udp_path_s: float = Field(default=20.0, ge=0)
    max_clock_skew_s: float = Field(default=2.0, gt=0)

    udp_receive_buffer_bytes: int = Field(default=8 * _MIB, ge=65_536)

    # Told to end, it is not ready at once, takes new links for the first time yet and closes them all over the second. With 2 s for
    # last words and 10 s to flush that is 35 s at most, for a grace period of 40 s.
    drain_accept_s: float = Field(default=3.0, ge=0)
    drain_s: float = Field(default=20.0, ge=0)

    @field_validator("allowed_networks", "proxy_trusted", mode="before")
    @classmethod
    def _split_networks(cls, value: object) -> object:
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return value

    @model_validator(mode="after")
    def _trusts_somebody(self) -> Self:
        if self.proxy_protocol == "required" and not self.proxy_trusted:
            raise ValueError("LISTENER_PROXY_PROTOCOL=required needs LISTENER_PROXY_TRUSTED, the balancers' networks")
        return self
