"""What the listener counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_HELD_BUCKETS = (1, 5, 10, 30, 60, 120, 300, 600, 1_800, 3_600)
_DURABLE_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)


class Metrics:
    """Counters and gauges of one listener process, in the registry that its probes show."""

    def __init__(self, registry: CollectorRegistry) -> None:
        def counter(name: str, text: str, *labels: str) -> Counter:
            return Counter(f"vt600_listener_{name}", text, labels, registry=registry)

        def gauge(name: str, text: str) -> Gauge:
            return Gauge(f"vt600_listener_{name}", text, registry=registry)

        self.links = gauge("links", "TCP links that are open")
        self.sessions = gauge("sessions", "Devices with a live link here")
        self.links_paused = gauge("links_paused", "TCP links that are not read because the bus is full")
        self.pending_bytes = gauge("pending_bytes", "Records that the broker does not hold yet")
        self.oldest_pending_seconds = gauge("oldest_pending_seconds", "Age of the oldest record not yet durable")
        self.datagrams_overflowed = gauge(
            "datagrams_overflowed", "UDP datagrams that the kernel's buffer had no room for"
        )
        self.links_opened = counter("links_opened", "TCP links that were accepted")
        self.links_closed = counter("links_closed", "TCP links that ended", "cause")
        self.links_refused = counter("links_refused", "TCP links that were closed at once", "reason")
        self.sessions_opened = counter("sessions_opened", "Sessions that were opened", "transport")
        self.sessions_closed = counter("sessions_closed", "Sessions that ended", "transport", "cause")
        self.heartbeats = counter("heartbeats", "Heartbeat bytes without a frame")
        self.rejects = counter("rejects", "Runs of bytes that were refused", "transport", "reason")
        self.rejects_unpublished = counter("rejects_unpublished", "Refused bytes beyond the rate that is published")
        self.pauses = counter("pauses", "Times that a link was not read for a while", "reason")
        self.paused_seconds = counter("paused_seconds", "Time that links were not read, counted when it ends", "reason")
        self.logins_unanswered = counter("logins_unanswered", "Logins without answer because the bus is not healthy")
        self.confirmations = counter("confirmations", "Confirmations sent for records that the broker holds")
        self.frames_lost = counter("frames_lost", "Frames that could not be published before the process ended")
        self.datagrams = counter("datagrams", "UDP datagrams that were handled")
        self.datagrams_dropped = counter("datagrams_dropped", "UDP datagrams that were not handled", "reason")
        self.downlinks = counter("downlinks", "Dispatches for links of this listener", "outcome")
        self.downlinks_held = gauge("downlinks_held", "Dispatches that wait for their device's next sign of life")
        self.dispatch_age_seconds = gauge(
            "dispatch_age_seconds",
            "Our time less the commander's at the last dispatch; negative when our clock is behind",
        )
        self.held_seconds = Histogram(
            "vt600_listener_held_seconds",
            "How long dispatches that were written in the end had waited for their device",
            buckets=_HELD_BUCKETS,
            registry=registry,
        )
        self.notices_dropped = counter(
            "notices_dropped", "Records about links that a full bus had no room for", "topic"
        )
        self.durable_seconds = Histogram(
            "vt600_listener_durable_seconds",
            "From the first frame of a batch to the broker's acknowledgement",
            buckets=_DURABLE_BUCKETS,
            registry=registry,
        )
        self._frames = counter("frames", "Frames that were published", "transport", "dialect", "kind")
        self._frame_counters: dict[tuple[str, str, str], Callable[[], None]] = {}

    def count_frame(self, transport: str, dialect: str, kind: str) -> None:
        """Counts one frame; on the path of every frame, so the labelled counters are kept."""
        key = (transport, dialect, kind)
        try:
            self._frame_counters[key]()
        except KeyError:
            increment = self._frames.labels(*key).inc
            self._frame_counters[key] = increment
            increment()
