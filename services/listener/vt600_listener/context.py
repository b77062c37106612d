"""What every link of this process shares."""

from dataclasses import dataclass, field

from vt600_listener.admission import Admission
from vt600_listener.clock import Clock
from vt600_listener.flow import Flow
from vt600_listener.metrics import Metrics
from vt600_listener.registry import SessionRegistry
from vt600_listener.rejects import Rejects
from vt600_listener.settings import ListenerSettings
from vt600_listener.uplink import Uplinks

_READ_BYTES = 16 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkContext:
    """One object instead of eight references in each of many thousand links.

    `read_buffer` is where the event loop puts what a socket holds; each link takes its bytes out before the next one is read.
    Its size bounds what a link holds beyond its window.
    """

    settings: ListenerSettings
    clock: Clock
    metrics: Metrics
    flow: Flow
    registry: SessionRegistry
    uplinks: Uplinks
    rejects: Rejects
    admission: Admission
    read_buffer: memoryview = field(default_factory=lambda: memoryview(bytearray(_READ_BYTES)))

    def idle_timeout_s(self, dialect: str) -> float:
        """How long a unit of this dialect may be silent."""
        settings = self.settings
        return settings.binary_idle_timeout_s if dialect == "binary" else settings.ascii_idle_timeout_s
