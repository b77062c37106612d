"""Dispatches that wait for their device's next sign of life, because the network may have forgotten the way to it.

Carriers forget a path within minutes and drop what comes over it without a word. Only bytes of the device prove that the path lives:
TCP keep-alive does not, for a middle box may answer it. What waits is in memory alone; nothing of it has been written.
"""

from typing import NamedTuple

from vt600_bus.records import Downlink
from vt600_listener.clock import Clock
from vt600_listener.delivery import Delivery
from vt600_listener.interlock import tells_nothing_yet
from vt600_listener.metrics import Metrics
from vt600_listener.session import Session
from vt600_listener.settings import ListenerSettings


class Held(NamedTuple):
    """A dispatch that waits. `until` is its deadline by our own clock, counted from its arrival, whatever the time of day."""

    downlink: Downlink
    since: float
    until: float


class Window:
    """Holds dispatches back and writes them right after the next bytes of their device."""

    def __init__(self, settings: ListenerSettings, *, delivery: Delivery, clock: Clock, metrics: Metrics) -> None:
        self._path_s = {"tcp": settings.tcp_path_s, "udp": settings.udp_path_s}
        self._delivery = delivery
        self._clock = clock
        self._metrics = metrics
        self._held: dict[Session, list[Held]] = {}
        metrics.downlinks_held.set_function(lambda: sum(map(len, self._held.values())))

    def is_closed(self, session: Session) -> bool:
        """Whether the device has been quiet for so long that the way to it may be forgotten."""
        return self._clock.monotonic() - session.heard_at >= self._path_s[session.transport]

    def hold(self, downlink: Downlink, session: Session) -> None:
        """Keeps the dispatch for the next sign of life. What is more urgent goes first, else what came first."""
        now = self._clock.monotonic()
        span_s = (downlink.deadline_at - downlink.dispatched_at).total_seconds()
        held = self._held.setdefault(session, [])
        held.append(Held(downlink, now, now + span_s))
        held.sort(key=lambda each: each.downlink.priority)
        self._delivery.hold(downlink)

    def heard(self, session: Session) -> None:
        """The device has sent bytes: the way to it is open for one dispatch, for a device obeys one command at a time (SPEC §3.10)."""
        session.heard_at = self._clock.monotonic()
        if session in self._held:
            self._write_next(session)

    def recall(self, command_id: str, attempt: int) -> bool:
        """Forgets the dispatch, with a word; false when it does not wait here."""
        for session, held in self._held.items():
            for each in held:
                if (each.downlink.command_id, each.downlink.attempt) == (command_id, attempt):
                    self._keep(session, [other for other in held if other is not each])
                    self._delivery.refuse(each.downlink, "recalled")
                    return True
        return False

    def close(self, session: Session) -> None:
        """The link has ended: what waited for it was not written, and may go over the next one."""
        for each in self._held.pop(session, ()):
            self._delivery.refuse(each.downlink, "link_closed")

    def sweep(self) -> None:
        """Ends what has waited until its deadline."""
        for session in tuple(self._held):
            self._drop_late(session)

    def _write_next(self, session: Session) -> None:
        self._drop_late(session)
        held = self._held.get(session, [])
        first = next((each for each in held if not tells_nothing_yet(each.downlink, session)), None)
        if first is not None and session.link.is_writable():
            self._keep(session, [each for each in held if each is not first])
            self._metrics.held_seconds.observe(self._clock.monotonic() - first.since)
            self._delivery.write(first.downlink, session)

    def _drop_late(self, session: Session) -> None:
        now, utc_now = self._clock.monotonic(), self._clock.utc_now()
        held = self._held[session]
        late = [each for each in held if now >= each.until or utc_now >= each.downlink.deadline_at]
        if late:
            self._keep(session, [each for each in held if each not in late])
            for each in late:
                self._delivery.refuse(each.downlink, "too_late")

    def _keep(self, session: Session, held: list[Held]) -> None:
        if held:
            self._held[session] = held
        else:
            self._held.pop(session, None)
