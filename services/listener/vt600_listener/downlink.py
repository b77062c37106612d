"""Dispatches from the bus are written to the links that they are meant for, once, and never too late.

Session, generation, deadline and the link itself are checked in the same step as the write, with nothing in between.
"""

from datetime import UTC, datetime

import structlog

from vt600_bus import Follower, RecordError, facts_of, serde
from vt600_bus.records import Downlink
from vt600_listener.clock import Clock
from vt600_listener.delivery import Delivery
from vt600_listener.interlock import tells_nothing_yet
from vt600_listener.metrics import Metrics
from vt600_listener.registry import SessionRegistry
from vt600_listener.session import Session, ids_of
from vt600_listener.settings import ListenerSettings
from vt600_listener.window import Window

_log = structlog.get_logger()

_REMEMBERED = 20_000


class Downlinks:
    """Writes what is dispatched to sessions of this listener, and reports what it did."""

    def __init__(
        self,
        settings: ListenerSettings,
        *,
        listener_id: str,
        registry: SessionRegistry,
        delivery: Delivery,
        window: Window,
        clock: Clock,
        metrics: Metrics,
    ) -> None:
        self._max_skew_s = settings.max_clock_skew_s
        self._listener_id = listener_id
        self._registry = registry
        self._delivery = delivery
        self._window = window
        self._clock = clock
        self._metrics = metrics
        self._handled: dict[tuple[str, int], datetime] = {}
        self._forgotten_until = datetime.min.replace(tzinfo=UTC)

    async def follow(self, follower: Follower) -> None:
        """Handles dispatches as they come, for ever."""
        while True:
            for delivery in await follower.next_batch():
                try:
                    downlink = serde.decode(Downlink, delivery.value)
                except RecordError as error:
                    self._metrics.downlinks.labels("unreadable").inc()
                    _log.warning("downlink.unreadable", error=str(error), **facts_of(delivery))
                    continue
                if downlink.listener_id == self._listener_id:
                    self.deliver(downlink, delivery.traceparent)

    def deliver(self, downlink: Downlink, traceparent: str | None = None) -> None:
        """Writes the bytes of one dispatch, holds them, or says why not. The same attempt is handled once, however often it is read."""
        if downlink.action != "write":
            (self._recall if downlink.action == "recall" else self._close)(downlink)
            return
        if not self._is_new(downlink):
            self._metrics.downlinks.labels("repeated").inc()
            return
        if traceparent is not None:
            self._delivery.trace(downlink, traceparent)
        session = self._registry.session_of(downlink.device_id)
        reason = self._refusal(downlink, session)
        if session is None or reason is not None:
            self._delivery.refuse(downlink, reason or "no_such_session")
        elif downlink.open_window and (self._window.is_closed(session) or tells_nothing_yet(downlink, session)):
            self._window.hold(downlink, session)
        else:
            self._delivery.write(downlink, session)

    def _recall(self, downlink: Downlink) -> None:
        """Takes back what waits, or what has not come yet. For what was written or refused the word is out already."""
        if not self._window.recall(downlink.command_id, downlink.attempt) and self._is_new(downlink):
            self._delivery.refuse(downlink, "recalled")

    def _close(self, downlink: Downlink) -> None:
        """Ends the link that is meant, and no newer one; its closing tells of it."""
        session = self._registry.session_of(downlink.device_id)
        is_meant = session is not None and session.session_id == downlink.session_id
        if session is None or not is_meant or self._clock.utc_now() >= downlink.deadline_at:
            self._metrics.downlinks.labels("not_closed").inc()
            return
        self._metrics.downlinks.labels("closed").inc()
        _log.info("link.forced", **ids_of(session), peer=session.peer)
        session.link.close("forced")

    def _is_new(self, downlink: Downlink) -> bool:
        """What is older than what we have forgotten may have been written: it is left without a word, which claims nothing."""
        attempt = (downlink.command_id, downlink.attempt)
        if attempt in self._handled or downlink.dispatched_at <= self._forgotten_until:
            return False
        self._handled[attempt] = downlink.dispatched_at
        if len(self._handled) > _REMEMBERED:
            forgotten_at = self._handled.pop(next(iter(self._handled)))
            self._forgotten_until = max(self._forgotten_until, forgotten_at)
        return True

    def _refusal(self, downlink: Downlink, session: Session | None) -> str | None:
        if session is None:
            return "no_such_session"
        if session.session_id != downlink.session_id or session.generation != downlink.generation:
            return "stale_generation" if session.generation > downlink.generation else "no_such_session"
        return self._untimely(downlink) or (None if session.link.is_writable() else "unwritable")

    def _untimely(self, downlink: Downlink) -> str | None:
        """A clock of ours that is behind the commander's would have us write after the deadline. One that is ahead cannot be told
        from a slow bus; it only makes us refuse what was in time."""
        now = self._clock.utc_now()
        age_s = (now - downlink.dispatched_at).total_seconds()
        self._metrics.dispatch_age_seconds.set(age_s)
        if now >= downlink.deadline_at:
            return "too_late"
        return "clock_skew" if age_s < -self._max_skew_s else None
