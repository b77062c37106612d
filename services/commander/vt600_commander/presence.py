"""Which listener holds which device, from the compacted topics of sessions and listeners.

It lives in memory only: every commander reads all of it at its start, before it dispatches anything, and a table of it would be a
second truth. A listener that stops renewing its lease holds nothing; its commands wait.
"""

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime

import structlog

from vt600_bus import Delivery, RecordError, decode, facts_of
from vt600_bus.records import Listener, Session
from vt600_bus.topics import LISTENERS, SESSIONS

PRESENCE_TOPICS = (SESSIONS, LISTENERS)

log = structlog.get_logger()


def _utc_now() -> datetime:
    return datetime.now(UTC)


class Presence:
    """The newest link of each device, as far as its listener is alive."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, utc_now: Callable[[], datetime] = _utc_now) -> None:
        self._clock = clock
        self._utc_now = utc_now
        self._sessions: dict[str, Session] = {}
        self._ended: dict[str, int] = {}  # generations of links that are closed
        self._hidden: set[str] = set()
        self._leases: dict[str, float] = {}

    def session_of(self, device_id: str) -> Session | None:
        """The device's live link, None when it has none."""
        session = self._sessions.get(device_id)
        if session is None or self._leases.get(session.listener_id, 0.0) <= self._clock():
            return None
        return session

    def forget(self, device_id: str, session_id: str) -> None:
        """This link is gone. A newer one of the device stays."""
        session = self._sessions.get(device_id)
        if session is not None and session.session_id == session_id:
            del self._sessions[device_id]

    def take_hidden(self) -> list[Session]:
        """Live links whose record is not their device's last, because an older link was closed after them. Compaction would take it."""
        hidden, self._hidden = self._hidden, set()
        return [session for device_id in hidden if (session := self._sessions.get(device_id)) is not None]

    def handle(self, deliveries: Iterable[Delivery], *, live: bool) -> set[str]:
        """Take in what the listeners say; the devices whose link came, went or counts again.

        A renewal that is read as it comes counts from now, by our clock alone. One that was there before us may be of a listener
        long dead: it counts from the time that it carries.
        """
        changed: set[str] = set()
        for delivery in deliveries:
            if delivery.value is None:
                continue
            try:
                if delivery.topic is SESSIONS:
                    session = decode(Session, delivery.value)
                    self._take_session(session)
                    changed.add(session.device_id)
                else:
                    changed |= self._take_listener(decode(Listener, delivery.value), live=live)
            except RecordError as error:
                log.warning("presence.record_skipped", error=str(error), **facts_of(delivery))
        return changed

    def _take_session(self, session: Session) -> None:
        """A closing counts only for the very link that is known; an older link never replaces a newer."""
        device_id, generation = session.device_id, session.generation
        known = self._sessions.get(device_id)
        if known is not None and known.generation > generation:
            self._hidden.add(device_id)
        elif session.state == "closed":
            self.forget(device_id, session.session_id)
            self._ended[device_id] = max(generation, self._ended.get(device_id, generation))
        elif self._ended.get(device_id, -1) < generation:
            self._ended.pop(device_id, None)
            self._hidden.discard(device_id)
            self._sessions[device_id] = session

    def _take_listener(self, listener: Listener, *, live: bool) -> set[str]:
        """The devices that count again because their listener came (back) to life."""
        if listener.state == "down":
            self._leases.pop(listener.listener_id, None)
            return set()
        if not live and listener.renewed_at.tzinfo is None:
            raise RecordError("Listener: a time without its zone")
        now = self._clock()
        age_s = 0.0 if live else max((self._utc_now() - listener.renewed_at).total_seconds(), 0.0)
        was_alive = self._leases.get(listener.listener_id, 0.0) > now
        self._leases[listener.listener_id] = now + listener.lease_s - age_s
        if was_alive:
            return set()
        return {device for device, session in self._sessions.items() if session.listener_id == listener.listener_id}

    def __len__(self) -> int:
        return len(self._sessions)
