"""A little collector of traces: takes OTLP by http/protobuf, as a real one does, and keeps what it was sent."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from tests.gateway import Gateway

from vt600_simulator.fleet import Fleet, FleetSettings


@dataclass(frozen=True)
class Span:
    """One span as it came over the wire."""

    service: str
    name: str
    trace_id: str
    span_id: str
    parent_id: str
    facts: dict[str, Any]
    began: int
    ended: int


@dataclass
class Collector:
    """What was sent so far; `port` is where to."""

    port: int
    spans: list[Span] = field(default_factory=list)

    def trace(self, trace_id: str) -> dict[str, Span]:
        """The spans of a trace, by name and, for states, by what they say."""
        return {_label(span): span for span in self.spans if span.trace_id == trace_id}

    def path(self, span: Span) -> list[str]:
        """Names from the first span of its trace down to this one."""
        by_id = {each.span_id: each for each in self.spans if each.trace_id == span.trace_id}
        names = []
        at: Span | None = span
        while at is not None:
            names.append(f"{at.service} {_label(at)}")
            at = by_id.get(at.parent_id)
        return names[::-1]


def _label(span: Span) -> str:
    return " ".join([span.name, *(str(span.facts[name]) for name in ("state", "outcome") if name in span.facts)])


@contextmanager
def collecting() -> Iterator[Collector]:
    """A collector on a free port."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            assert (self.path, self.headers["Content-Type"]) == ("/v1/traces", "application/x-protobuf")
            request = ExportTraceServiceRequest()
            request.ParseFromString(self.rfile.read(int(self.headers["Content-Length"])))
            collector.spans += _spans_of(request)
            answer = ExportTraceServiceResponse().SerializeToString()
            self.send_response(200)
            self.send_header("Content-Type", "application/x-protobuf")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: object) -> None:
            return

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    collector = Collector(server.server_address[1])
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield collector
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def _spans_of(request: ExportTraceServiceRequest) -> Iterator[Span]:
    for of_resource in request.resource_spans:
        resource = {item.key: item.value.string_value for item in of_resource.resource.attributes}
        for of_scope in of_resource.scope_spans:
            for span in of_scope.spans:
                yield Span(
                    resource["service.name"],
                    span.name,
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    {item.key: item.value.string_value or item.value.int_value for item in span.attributes},
                    span.start_time_unix_nano,
                    span.end_time_unix_nano,
                )


def make_gateway(port: int, folder: Path, kafka_servers: str, database_url: str) -> Gateway:
    """A gateway that sends every trace to this port at once."""
    settings = {"OTEL_EXPORTER_OTLP_ENDPOINT": f"http://127.0.0.1:{port}", "OTEL_BSP_SCHEDULE_DELAY": "100"}
    return Gateway(folder, kafka_servers=kafka_servers, database_url=database_url, settings=settings)


@asynccontextmanager
async def one_tracker(gateway: Gateway, number: int) -> AsyncIterator[str]:
    """A tracker that drives while the block runs; its identity."""
    fleet = Fleet(FleetSettings(port=gateway.listener_port, interval_s=0.5, settle_s=20, count=1, first_number=number))
    stop = asyncio.Event()
    running = asyncio.create_task(fleet.run(stop))
    try:
        yield fleet.trackers[0].device_id
    finally:
        stop.set()
        await running
