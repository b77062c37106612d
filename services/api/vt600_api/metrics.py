"""What the REST and WebSocket process counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class ApiMetrics:
    """One object per process, on the registry of its probes."""

    def __init__(self, registry: CollectorRegistry, *, clients: Callable[[], int]) -> None:
        labels = ("method", "route", "status")
        self.request_seconds = Histogram(
            "vt600_api_request_seconds", "Time to answer a request.", labels, registry=registry
        )
        self.messages_sent = Counter(
            "vt600_api_stream_messages_total", "Messages sent to WebSocket clients.", registry=registry
        )
        self.messages_coalesced = Counter(
            "vt600_api_stream_messages_coalesced_total",
            "Positions left out for WebSocket clients that were slow.",
            registry=registry,
        )
        self.streams_cut = Counter(
            "vt600_api_streams_cut_total",
            "WebSocket clients that were cut off because they were too slow.",
            registry=registry,
        )
        Gauge("vt600_api_streams", "WebSocket clients connected.", registry=registry).set_function(clients)
