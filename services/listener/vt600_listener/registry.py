"""Who is connected here. One device has at most one session; the newest link wins and the older one is closed."""

import uuid
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Literal

import structlog

from vt600_bus import records, topics
from vt600_bus.records import Dialect
from vt600_listener.clock import Clock
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices
from vt600_listener.session import Link, Session, ids_of
from vt600_listener.window import Window

_log = structlog.get_logger()


class SessionRegistry:
    """Every link of this process and the session of each device; tells the bus what opens and closes."""

    def __init__(
        self,
        *,
        listener_id: str,
        clock: Clock,
        notices: Notices,
        metrics: Metrics,
        window: Window,
        quiet_after_s: float,
    ) -> None:
        self.links: set[Link] = set()
        self._quiet_after_s = quiet_after_s
        self._listener_id = listener_id
        self._clock = clock
        self._notices = notices
        self._metrics = metrics
        self._window = window
        self._by_device: dict[str, Session] = {}
        self._newest_generation = 0
        metrics.sessions.set_function(lambda: len(self._by_device))

    def __len__(self) -> int:
        return len(self._by_device)

    def __iter__(self) -> Iterator[Session]:
        return iter(tuple(self._by_device.values()))

    def session_of(self, device_id: str) -> Session | None:
        """The device's live session, if it is here."""
        return self._by_device.get(device_id)

    def open(self, link: Link, *, device_id: str, dialect: Dialect) -> Session:
        """Gives the device a session on this link; an older link of the device is closed as replaced."""
        older = self._by_device.get(device_id)
        if older is not None:
            self.close(older, "replaced")
            if older.link is not link:
                older.link.close("replaced")
        session = self._new_session(link, device_id, dialect)
        self._by_device[device_id] = session
        self._metrics.sessions_opened.labels(session.transport).inc()
        self._announce(session, "open", session.opened_at)
        _log.debug("session.opened", **ids_of(session), peer=session.peer)
        return session

    def unannounced(self, link: Link, *, device_id: str, dialect: Dialect) -> Session:
        """A session for frames that came over a link on its way out: they are kept, but the device is not here."""
        session = self._new_session(link, device_id, dialect)
        session.is_open = False
        return session

    def heard(self, session: Session) -> None:
        """The device has sent bytes, whatever they say."""
        self._window.heard(session)
        if session.quiet_since is not None and session.is_open:
            session.quiet_since = None
            self._announce(session, "open", self._clock.utc_now())

    def close(self, session: Session, cause: str) -> None:
        """Ends a session, once; its link is the caller's business."""
        if not session.is_open:
            return
        session.is_open = False
        if self._by_device.get(session.device_id) is session:
            del self._by_device[session.device_id]
        self._window.close(session)
        self._metrics.sessions_closed.labels(session.transport, cause).inc()
        self._announce(session, "closed", self._clock.utc_now(), cause)
        _log.debug("session.closed", **ids_of(session), peer=session.peer, cause=cause)

    def sweep(self) -> None:
        """Tells of links that fell silent, closes those that stayed so for too long, ends what waited for a device until its deadline."""
        self._window.sweep()
        now = self._clock.monotonic()
        for link in tuple(self.links):
            cause = link.overdue(now)
            if cause is not None:
                link.close(cause)
        for session in self:
            silent_s = now - session.heard_at
            if session.quiet_since is None and silent_s > self._quiet_after_s:
                utc_now = self._clock.utc_now()
                session.quiet_since = utc_now - timedelta(seconds=silent_s)
                self._announce(session, "open", utc_now)

    def _new_session(self, link: Link, device_id: str, dialect: Dialect) -> Session:
        now = self._clock.utc_now()
        return Session(
            device_id=device_id,
            dialect=dialect,
            transport=link.transport_name,
            peer=link.peer,
            session_id=uuid.uuid4().hex,
            generation=self._next_generation(now),
            opened_at=now,
            link=link,
            heard_at=self._clock.monotonic(),
        )

    def _next_generation(self, now: datetime) -> int:
        # Microseconds since the epoch, so that it also grows from one listener to the next; strictly, for links of one instant.
        self._newest_generation = max(self._newest_generation + 1, int(now.timestamp() * 1_000_000))
        return self._newest_generation

    def _announce(
        self, session: Session, state: Literal["open", "closed"], at: datetime, cause: str | None = None
    ) -> None:
        record = records.Session(
            device_id=session.device_id,
            session_id=session.session_id,
            generation=session.generation,
            listener_id=self._listener_id,
            state=state,
            at=at,
            opened_at=session.opened_at,
            dialect=session.dialect,
            transport=session.transport,
            peer=session.peer,
            cause=cause,
            quiet_since=session.quiet_since,
        )
        self._notices.publish(topics.SESSIONS, session.device_id, record)
