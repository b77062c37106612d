"""The bytes of dispatches → links, and what became of them → bus."""

from typing import Literal

import structlog

from vt600_bus.records import DeliveryReport, Downlink
from vt600_bus.topics import DELIVERY_REPORTS
from vt600_listener.clock import Clock
from vt600_listener.interlock import refusal
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices
from vt600_listener.session import Session, Traced
from vt600_listener.uplink import PHOTO_CODE
from vt600_runtime.tracing import Tracer

_log = structlog.get_logger()

# What answers a request for a position, in either dialect, or for a photo (SPEC §3.10, §4.7): no replies of their own.
_NO_REPLIES = frozenset({"9955", "000", PHOTO_CODE})


class Delivery:
    """Writes, and says so."""

    def __init__(self, *, listener_id: str, notices: Notices, clock: Clock, metrics: Metrics, tracer: Tracer) -> None:
        self._listener_id = listener_id
        self._notices = notices
        self._clock = clock
        self._metrics = metrics
        self._tracer = tracer
        self._traces: dict[tuple[str, int], str] = {}

    def trace(self, downlink: Downlink, traceparent: str) -> None:
        """What becomes of the dispatch is to be seen in its trace."""
        self._traces[downlink.command_id, downlink.attempt] = traceparent

    def write(self, downlink: Downlink, session: Session) -> None:
        """Writes the bytes to the session's link, unless the interlock forbids it or it could not be reported."""
        if downlink.interlock is not None:
            reason = refusal(downlink.interlock, session.motion, self._clock.utc_now())
            if reason is not None:
                self.refuse(downlink, reason)
                return
        # The report goes first: without it on its way nobody would know that bytes may have left.
        session.traced = None
        if self._report(downlink, "written", None, session):
            if downlink.reply_code in _NO_REPLIES:
                session.awaited = downlink
            session.link.write(downlink.payload)

    def hold(self, downlink: Downlink) -> None:
        """Says that the bytes wait for the device."""
        self._report(downlink, "held", None)

    def refuse(self, downlink: Downlink, reason: str) -> None:
        """Says that not one byte left, and none will."""
        self._report(downlink, "refused", reason)

    def _report(
        self,
        downlink: Downlink,
        outcome: Literal["written", "held", "refused"],
        reason: str | None,
        session: Session | None = None,
    ) -> bool:
        traceparent = self._trace(downlink, outcome, reason, session) if self._traces else None
        self._metrics.downlinks.labels(reason or outcome).inc()
        _log.info(
            f"downlink.{outcome}",
            command_id=downlink.command_id,
            attempt=downlink.attempt,
            device_id=downlink.device_id,
            session_id=downlink.session_id,
            reason=reason,
        )
        return self._notices.publish(
            DELIVERY_REPORTS,
            downlink.device_id,
            DeliveryReport(
                device_id=downlink.device_id,
                listener_id=self._listener_id,
                session_id=downlink.session_id,
                generation=downlink.generation,
                outcome=outcome,
                at=self._clock.utc_now(),
                command_id=downlink.command_id,
                attempt=downlink.attempt,
                reason=reason,
                packet_no=downlink.packet_no,
                payload=downlink.payload if outcome == "written" else None,
            ),
            traceparent,
        )

    def _trace(self, downlink: Downlink, outcome: str, reason: str | None, session: Session | None) -> str | None:
        attempt = (downlink.command_id, downlink.attempt)
        before = self._traces.get(attempt) if outcome == "held" else self._traces.pop(attempt, None)
        step = self._tracer.follow(
            "command.deliver",
            before,
            command_id=downlink.command_id,
            attempt=downlink.attempt,
            device_id=downlink.device_id,
            session_id=downlink.session_id,
            outcome=outcome,
            reason=reason,
        )
        if step is None:
            return None
        step.end()
        if session is not None:
            session.traced = Traced(downlink.reply_code, step.traceparent)
        return step.traceparent
