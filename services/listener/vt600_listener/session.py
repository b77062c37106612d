"""One device's live link, as the rest of the listener sees it."""

from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple, Protocol

from vt600_bus.records import Dialect, Downlink, Transport
from vt600_protocol import ContentError, Message


class Link(Protocol):
    """What carries a session: a TCP connection or a UDP peer."""

    @property
    def transport_name(self) -> Transport:
        """How it reached us."""

    @property
    def peer(self) -> str:
        """Its address and port as text."""

    def is_writable(self) -> bool:
        """Whether bytes written now leave at once."""

    def write(self, data: bytes) -> None:
        """Sends one frame."""

    def durable(self, frames: int, confirmations: list[bytes]) -> None:
        """The broker holds so many of its frames; these confirmations may leave."""

    def lost(self, frames: int) -> None:
        """So many of its frames never reached the broker."""

    def overdue(self, now: float) -> str | None:
        """Why it should be closed by now, if it should."""

    def finish(self, cause: str) -> None:
        """Closes it after what is on its way."""

    def close(self, cause: str) -> None:
        """Closes it now."""


class Motion(NamedTuple):
    """What a report says of how fast the vehicle is; `speed_kmh` is null without a valid fix."""

    device_time: datetime
    received_at: datetime
    speed_kmh: float | None


class Traced(NamedTuple):
    """A command that was written and is traced, and the code of what answers it."""

    reply_code: str
    traceparent: str


@dataclass(slots=True, eq=False, kw_only=True)
class Session:
    """A device that is connected. `heard_at` is when it last sent bytes, `quiet_since` the same once others were told of its silence;
    `awaited` is a written command that the next position answers, `traced` the last one that was written if it is traced, `motion` that
    of its newest report by the device's clock."""

    device_id: str
    dialect: Dialect
    transport: Transport
    peer: str
    session_id: str
    generation: int
    opened_at: datetime
    link: Link
    heard_at: float
    awaited: Downlink | None = None
    traced: Traced | None = None
    motion: Motion | None = None
    is_open: bool = True
    quiet_since: datetime | None = None


def ids_of(session: Session | None) -> dict[str, str]:
    """How a line of the log names the session; nothing while there is none."""
    return {} if session is None else {"device_id": session.device_id, "session_id": session.session_id}


def require_identity(message: Message) -> None:
    """Refuses a frame of a unit without identity: empty, or all zeros as from the factory (SPEC §3.3, §5)."""
    if not message.device_id.strip("0"):
        raise ContentError(
            f"the identity {message.device_id!r} names no unit", raw=message.raw, dialect=message.dialect
        )
