"""What the REST and WebSocket process counts."""

import time
from collections.abc import Callable
from http import HTTPStatus

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector
from starlette.types import ASGIApp, Message, Receive, Scope, Send


class ApiMetrics:
    """One object per process, on the registry of its probes."""

    def __init__(
        self, registry: CollectorRegistry, *, clients: Callable[[], int], pool_use: Callable[[], float]
    ) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
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
        Gauge(
            "vt600_api_pool_used_ratio",
            "Share of API_DATABASE_POOL_SIZE that requests hold; at 1 the next one waits.",
            registry=registry,
        ).set_function(pool_use)


class Measure:
    """Times every request, until its answer begins, under its route's template, so that identities do not become labels.

    The framework's own base for middleware ends a streamed answer properly even when the stream broke off; this one hands on what
    comes, so that a broken stream stays visible.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        began, is_counted = time.perf_counter(), False

        def count(status: int) -> None:
            nonlocal is_counted
            is_counted = True
            template = getattr(scope.get("route"), "path", "unmatched")
            metrics: ApiMetrics = scope["app"].state.metrics
            metrics.request_seconds.labels(scope["method"], template, status).observe(time.perf_counter() - began)

        async def measured(message: Message) -> None:
            if message["type"] == "http.response.start":
                count(message["status"])
            await send(message)

        try:
            await self._app(scope, receive, measured)
        finally:
            if not is_counted:  # an error that is made an answer further out
                count(HTTPStatus.INTERNAL_SERVER_ERROR)
