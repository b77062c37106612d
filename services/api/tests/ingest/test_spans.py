"""The trace of a frame goes on with its report, and with no other."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import asyncpg
import pytest
from prometheus_client import CollectorRegistry

from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.spans import StoreSpans
from vt600_api.ingest.uplinks import UplinkWriter
from vt600_bus import Delivery, encode
from vt600_bus.records import Uplink
from vt600_bus.topics import UPLINKS
from vt600_runtime.tracing import Fact, Step, Tracer

if TYPE_CHECKING:
    from ingest.conftest import RecordingPublisher


class Begun(Step):
    def __init__(self, traceparent: str) -> None:
        self.traceparent = traceparent
        self.ended = False

    def end(self, **facts: Fact) -> None:  # noqa: ARG002
        self.ended = True


class Follows(Tracer):
    on = True

    def follow(self, name: str, traceparent: str | None, **facts: Fact) -> Step | None:
        return None if traceparent is None else Begun(f"{traceparent} > {name} {facts['frame_id']}")


@pytest.mark.servers
async def test_a_report_is_published_with_the_trace_of_its_frame(
    writing: asyncpg.Connection, publisher: "RecordingPublisher", make_uplink: Callable[..., Uplink]
) -> None:
    spans = StoreSpans(Follows())
    uplinks = [make_uplink(at) for at in range(3)]
    traces = [None, "listener", None]
    deliveries = [
        Delivery(UPLINKS, 0, at, uplink.device_id, encode(uplink), trace)
        for at, (uplink, trace) in enumerate(zip(uplinks, traces, strict=True))
    ]
    steps = spans.begin("frame.store", deliveries)
    await UplinkWriter(publisher, IngestMetrics(CollectorRegistry()), spans=spans).write(writing, uplinks)
    (step,) = steps.values()
    assert isinstance(step, Begun)
    before = step.ended
    spans.end(steps)

    assert publisher.traces == [None, f"listener > frame.store {uplinks[1].frame_id}", None]
    assert (before, step.ended) == (False, True)
    assert spans.of_frame(uplinks[1].frame_id) is None
