"""Traces of records on their way into the store: only those that came with one."""

from collections.abc import Sequence

from vt600_bus import Delivery, facts_of
from vt600_runtime.tracing import OFF, Step, Tracer


class StoreSpans:
    """Spans of the records that are being stored; those of frames can be asked for by whoever publishes their reports."""

    def __init__(self, tracer: Tracer = OFF) -> None:
        self._tracer = tracer
        self._of_frames: dict[str, str] = {}

    def begin(self, name: str, deliveries: Sequence[Delivery]) -> dict[str, Step]:
        """The spans of a batch, each by its frame or, where there is none, by its place."""
        steps: dict[str, Step] = {}
        if self._tracer.on:
            for delivery in deliveries:
                if delivery.traceparent is not None:
                    facts = facts_of(delivery)
                    step = self._tracer.follow(name, delivery.traceparent, **facts)
                    if step is not None:
                        steps[str(facts.get("frame_id", f"{delivery.partition}:{delivery.offset}"))] = step
            self._of_frames |= {key: step.traceparent for key, step in steps.items()}
        return steps

    def end(self, steps: dict[str, Step]) -> None:
        """The batch is stored."""
        for key, step in steps.items():
            step.end()
            self._of_frames.pop(key, None)

    def of_frame(self, frame_id: str) -> str | None:
        """The trace of a frame that is being stored, None when it is not traced."""
        return self._of_frames.get(frame_id)
