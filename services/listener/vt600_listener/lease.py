"""The lease by which others know that this listener still holds its links."""

from collections.abc import Callable
from typing import Literal

from vt600_bus.records import Listener
from vt600_bus.topics import LISTENERS
from vt600_listener.clock import Clock
from vt600_listener.publishing import Notices

_RENEW_EVERY_S = 2.0
_LEASE_S = 10.0


class Lease:
    """Says every two seconds that the listener is there, and last that it is gone."""

    def __init__(self, *, listener_id: str, clock: Clock, notices: Notices, links: Callable[[], int]) -> None:
        self.state: Literal["up", "draining", "down"] = "up"
        self._listener_id = listener_id
        self._clock = clock
        self._notices = notices
        self._links = links
        self._started_at = clock.utc_now()

    async def renew_for_ever(self) -> None:
        """Publishes the lease at its interval."""
        while True:
            self.publish()
            await self._clock.sleep(_RENEW_EVERY_S)

    def publish(self) -> None:
        """Publishes the lease now."""
        self._notices.publish(
            LISTENERS,
            self._listener_id,
            Listener(
                listener_id=self._listener_id,
                state=self.state,
                started_at=self._started_at,
                renewed_at=self._clock.utc_now(),
                lease_s=_LEASE_S,
                links=self._links(),
            ),
        )
