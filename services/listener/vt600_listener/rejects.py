"""Bytes that are no message are published for whoever looks into them, at a bounded rate, so that no scanner fills the topic."""

import structlog

from vt600_bus.records import Dialect, Reject, Transport
from vt600_bus.topics import REJECTS
from vt600_listener.admission import TokenBucket
from vt600_listener.clock import Clock
from vt600_listener.metrics import Metrics
from vt600_listener.publishing import Notices
from vt600_listener.session import Session, ids_of
from vt600_protocol import ProtocolError

_log = structlog.get_logger()

_MAX_RAW_BYTES = 4_096
_PUBLISHED_PER_LINK = 10
_PUBLISHED_PER_S = 100.0
_PUBLISHED_AT_ONCE = 1_000
_DIALECTS: dict[str | None, Dialect] = {"binary": "binary", "ascii": "ascii"}


class Rejects:
    """Counts every refusal and publishes the first ones of each link, up to a rate for the whole process."""

    def __init__(self, *, notices: Notices, clock: Clock, listener_id: str, metrics: Metrics) -> None:
        self._notices = notices
        self._clock = clock
        self._listener_id = listener_id
        self._metrics = metrics
        self._bucket = TokenBucket(rate_per_s=_PUBLISHED_PER_S, burst=_PUBLISHED_AT_ONCE, clock=clock)

    def report(
        self, error: ProtocolError, *, peer: str, transport: Transport, session: Session | None, earlier: int
    ) -> None:
        """`earlier` is how much the same link had refused before."""
        self._metrics.rejects.labels(transport, error.reason).inc()
        if earlier >= _PUBLISHED_PER_LINK or not self._bucket.take():
            self._metrics.rejects_unpublished.inc()
            return
        record = Reject(
            peer=peer,
            transport=transport,
            listener_id=self._listener_id,
            received_at=self._clock.utc_now(),
            reason=error.reason,
            detail=str(error),
            raw=error.raw[:_MAX_RAW_BYTES],
            total_bytes=len(error.raw),
            dialect=_DIALECTS.get(error.dialect),
            device_id=None if session is None else session.device_id,
            session_id=None if session is None else session.session_id,
        )
        self._notices.publish(REJECTS, peer, record)
        _log.debug("frame.rejected", **ids_of(session), peer=peer, reason=error.reason, detail=record.detail)
