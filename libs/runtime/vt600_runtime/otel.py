"""Spans by OpenTelemetry, sent to a collector by OTLP (http/protobuf) from a thread of its own."""

import atexit
import os
import socket
import threading
from collections.abc import Sequence
from random import getrandbits

import structlog
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, SpanExporter, SpanExportResult
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.sdk.trace.sampling import Decision
from opentelemetry.trace import Span, SpanKind
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from vt600_runtime.tracing import Fact, Step, Tracer

_LAST_WORDS_S = 2.0
_NOTHING = Context()

log = structlog.get_logger()


class OtelStep:
    """A span that is recorded."""

    __slots__ = ("_span", "traceparent")

    def __init__(self, span: Span) -> None:
        context = span.get_span_context()
        self.traceparent = f"00-{context.trace_id:032x}-{context.span_id:016x}-{context.trace_flags:02x}"
        self._span = span

    def end(self, **facts: Fact) -> None:
        """It is over."""
        for name, value in facts.items():
            if value is not None:
                self._span.set_attribute(name, value)
        self._span.end()


class OtelTracer(Tracer):
    """Begins spans of one process, named `vt600-<service>` unless `OTEL_SERVICE_NAME` says otherwise."""

    on = True

    def __init__(self, service: str) -> None:
        name = os.environ.get("OTEL_SERVICE_NAME") or f"vt600-{service}"
        instance = f"{socket.gethostname()}-{os.getpid()}"
        exporter = _Exporter(service)
        processor = BatchSpanProcessor(exporter)
        self._ids = _ChosenIds()
        provider = TracerProvider(
            resource=Resource.create({"service.name": name, "service.instance.id": instance}),
            id_generator=self._ids,
            shutdown_on_exit=False,
        )
        provider.add_span_processor(processor)
        self._sampler = provider.sampler
        self._tracer = provider.get_tracer("vt600")
        atexit.register(_leave, provider, exporter)

    def begin(self, name: str, **facts: Fact) -> Step | None:
        """The first span of a trace; None when the sampler does not want it."""
        # A span that nobody wants costs four times what the question does, and most frames are not wanted.
        trace_id = getrandbits(128)
        if self._sampler.should_sample(None, trace_id, name).decision is not Decision.RECORD_AND_SAMPLE:
            return None
        self._ids.trace_id = trace_id
        return self._start(name, _NOTHING, SpanKind.PRODUCER, facts)

    def follow(self, name: str, traceparent: str | None, **facts: Fact) -> Step | None:
        """The span that comes after another one; None when that is not traced."""
        if traceparent is None:
            return None
        before = TraceContextTextMapPropagator().extract({"traceparent": traceparent}, _NOTHING)
        return None if before == _NOTHING else self._start(name, before, SpanKind.CONSUMER, facts)

    def _start(self, name: str, before: Context, kind: SpanKind, facts: dict[str, Fact]) -> Step | None:
        attributes = {key: value for key, value in facts.items() if value is not None}
        span = self._tracer.start_span(name, before, kind, attributes)
        return OtelStep(span) if span.is_recording() else None


class _ChosenIds(RandomIdGenerator):
    """Gives the next trace the id that the sampler was asked about."""

    def __init__(self) -> None:
        self.trace_id = 0

    def generate_trace_id(self) -> int:
        return self.trace_id


class _Exporter(SpanExporter):
    """OTLP, with one line of the log when the collector goes and one when it is back. What it did not take is lost."""

    def __init__(self, service: str) -> None:
        self._otlp = OTLPSpanExporter()
        self._log = log.bind(service=service)
        self._is_away = False

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        result = self._otlp.export(spans)
        is_away = result is not SpanExportResult.SUCCESS
        if is_away and not self._is_away:
            self._log.warning("tracing.unreachable", spans_lost=len(spans))
        elif self._is_away and not is_away:
            self._log.info("tracing.reached")
        self._is_away = is_away
        return result

    def shutdown(self) -> None:
        self._otlp.shutdown()  # type: ignore[no-untyped-call]


def _leave(provider: TracerProvider, exporter: _Exporter) -> None:
    """Send what is left, but do not wait long for a collector that is away."""
    hurry = threading.Timer(_LAST_WORDS_S, exporter.shutdown)
    hurry.daemon = True
    hurry.start()
    provider.shutdown()
    hurry.cancel()
