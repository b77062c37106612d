"""Which listener holds which device, from the compacted topics of sessions and listeners.

It lives in memory only: every commander reads all of it at its start, before it dispatches anything, and a table of it would be a
second truth. A listener that stops renewing its lease holds nothing.
"""

import time
from collections.abc import Callable

import structlog

from vt600_bus import Delivery, RecordError, decode
from vt600_bus.records import Listener, Session
from vt600_bus.topics import LISTENERS, SESSIONS

PRESENCE_TOPICS = (SESSIONS, LISTENERS)

log = structlog.get_logger()


class Presence:
    """The newest link of each device, as far as its listener is alive."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._sessions: dict[str, Session] = {}
        self._leases: dict[str, float] = {}

    def session_of(self, device_id: str) -> Session | None:
        """The device's live link, None when it has none."""
        session = self._sessions.get(device_id)
        if session is None or self._leases.get(session.listener_id, 0.0) <= self._clock():
            return None
        return session

    def forget(self, device_id: str, session_id: str) -> None:
        """The listener says that it does not hold this link any more."""
        session = self._sessions.get(device_id)
        if session is not None and session.session_id == session_id:
            del self._sessions[device_id]

    def handle(self, deliveries: list[Delivery]) -> tuple[set[str], bool]:
        """Take in what the listeners say: the devices that have a new link, and whether a listener came (back) to life."""
        linked: set[str] = set()
        revived = False
        for delivery in deliveries:
            if delivery.value is None:
                continue
            try:
                if delivery.topic is SESSIONS:
                    session = decode(Session, delivery.value)
                    if self._take_session(session):
                        linked.add(session.device_id)
                else:
                    revived = self._take_listener(decode(Listener, delivery.value)) or revived
            except RecordError as error:
                log.warning("presence.record_skipped", topic=delivery.topic.name, error=str(error))
        return linked, revived

    def _take_session(self, session: Session) -> bool:
        """True for a new link. A closing counts only for the very link that is known; an older link never replaces a newer."""
        known = self._sessions.get(session.device_id)
        if session.state == "closed":
            self.forget(session.device_id, session.session_id)
            return False
        if known is not None and known.generation > session.generation:
            return False
        self._sessions[session.device_id] = session
        return True

    def _take_listener(self, listener: Listener) -> bool:
        now = self._clock()
        was_alive = self._leases.get(listener.listener_id, 0.0) > now
        if listener.state == "down":
            self._leases.pop(listener.listener_id, None)
            return False
        self._leases[listener.listener_id] = now + listener.lease_s
        return not was_alive

    def __len__(self) -> int:
        return len(self._sessions)
