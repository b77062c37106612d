"""Traces: a frame's way from its socket to the store and the stream, a command's way there and back.

Off unless the environment names a collector; then not even OpenTelemetry is imported. Whether something is traced is decided where it
begins. Its records carry the trace in the Kafka header `traceparent`, and whoever handles one goes on from there.
"""

import os
from typing import Protocol

import structlog

Fact = str | int | None

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "OTEL_EXPORTER_OTLP_ENDPOINT")

log = structlog.get_logger()


class Step(Protocol):
    """One span of a trace, from when it was begun."""

    traceparent: str
    """How others name it, to go on from it (W3C)."""

    def end(self, **facts: Fact) -> None:
        """It is over."""


class Tracer:
    """Begins spans. This one never does; ask `on` first where every nanosecond counts."""

    on = False

    def begin(self, name: str, **facts: Fact) -> Step | None:  # noqa: ARG002
        """The first span of a trace; None when the sampler does not want it."""
        return None

    def follow(self, name: str, traceparent: str | None, **facts: Fact) -> Step | None:  # noqa: ARG002
        """The span that comes after another one; None when that is not traced."""
        return None


OFF = Tracer()


def start_tracing(service: str) -> Tracer:
    """The process's tracer, as the standard variables `OTEL_…` want it."""
    environment = os.environ
    if (
        not any(environment.get(name) for name in _ENDPOINTS)
        or environment.get("OTEL_SDK_DISABLED", "").lower() == "true"
        or environment.get("OTEL_TRACES_EXPORTER") == "none"
    ):
        return OFF
    try:
        from vt600_runtime.otel import OtelTracer  # noqa: PLC0415

        return OtelTracer(service)
    except (ImportError, ValueError) as error:  # no library, or a variable that it cannot make sense of
        log.warning("tracing.unavailable", error=str(error))
        return OFF
