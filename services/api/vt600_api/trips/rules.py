"""The rules by which reports of one device become trips and stops. Pure: nothing here reads a clock or a store.

Reports come in the order of device time, then frame id. A report tells that the vehicle drives or that it is parked: by the ignition,
by its speed where the ignition is not known; one that tells neither changes nothing.

- A trip begins with a report that drives and ends with the first one that is parked, once it stays parked for `stop_min_s`. It counts
  as a trip from the report on with which it has covered `trip_min_m`, by its fixes or by the odometer, and lasted `trip_min_s`.
  What never comes so far is part of the stop around it.
- More than `gap_s` without a report ends a trip at the report before. A stop goes on: parked trackers sleep.
- A stop lasts from one trip to the next; one that is over in less than `stop_min_s` is none.
- The report between a trip and a stop belongs to both.

What is running is all in `State`, so the rules can be taken up at any report.
"""

from copy import copy
from datetime import datetime, timedelta
from typing import Literal

import msgspec
from msgspec import Struct

from vt600_api.trips.spans import Moment, Rules, Span

Kind = Literal["trip", "stop"]

_VERSION = 2  # to be raised with every change of what they or the summaries give: all is worked out anew then


class Segment(Struct, frozen=True):
    """A trip or a stop; `ended_at` is None while it is open."""

    kind: Kind
    span: Span
    ended_at: datetime | None

    @property
    def key(self) -> tuple[Kind, datetime]:
        """What it is known by among those of its device."""
        return self.kind, self.span.started_at


class Boundary(Struct, frozen=True):
    """Where a trip or a stop begins that no change behind `certain_at` can undo.

    What comes out from its first report on is the same whatever was before it.
    """

    kind: Kind
    started_at: datetime
    frame_id: str
    certain_at: datetime


class State(Struct, omit_defaults=True):
    """What is running. `trip` is a candidate until `is_trip`; `parked` and `driven` are stop and trip as they were when it may have ended."""

    last_at: datetime | None = None
    stop: Span | None = None
    parked: Span | None = None
    trip: Span | None = None
    is_trip: bool = False
    driven: Span | None = None
    pause: Span | None = None


def fingerprint(rules: Rules) -> str:
    """What tells results of these rules from those of others."""
    return msgspec.json.encode({"version": _VERSION, "rules": rules}).decode()


class Segmenter:
    """Takes reports in their order; `closed` collects what is over, `running` is what is not."""

    def __init__(self, rules: Rules, state: State | None = None, *, start: Boundary | None = None) -> None:
        self._rules = rules
        self._stop_min = timedelta(seconds=rules.stop_min_s)
        self._trip_min = timedelta(seconds=rules.trip_min_s)
        self._gap = timedelta(seconds=rules.gap_s)
        self._start = start
        self.state = state or State()
        self.closed: list[Segment] = []

    def feed(self, moment: Moment) -> Boundary | None:
        """Take the next report; the boundary that it makes certain, if it does."""
        boundary = self._let_time_pass(moment.device_time)
        state, drives = self.state, self._rules.drives(moment)
        state.last_at = moment.device_time
        if drives:
            state.driven = state.pause = None
            if state.trip is None:
                state.parked = copy(state.stop)
                state.trip = Span.begin(moment)
        for span in (state.stop, state.trip, state.pause):
            if span is not None:
                span.add(moment, self._rules)
        if state.trip is not None and state.pause is None:
            boundary = self._confirm(state.trip, moment.device_time) or boundary
        if drives is False:
            boundary = self._park(moment) or boundary
        return boundary

    @property
    def running(self) -> Segment | None:
        """The open trip or stop."""
        state = self.state
        if state.is_trip and state.trip is not None:
            return Segment("trip", state.trip, None)
        return None if state.stop is None else Segment("stop", state.stop, None)

    def _let_time_pass(self, now: datetime) -> Boundary | None:
        """What the mere time of the next report decides: a pause that lasted, a gap."""
        state = self.state
        if state.pause is not None and now - state.pause.started_at >= self._stop_min:
            return self._settle(state.pause, now)
        if state.trip is not None and state.last_at is not None and now - state.last_at > self._gap:
            if state.is_trip:
                self.closed.append(Segment("trip", state.trip, state.trip.last_at))
            self._forget_trip()
        return None

    def _settle(self, pause: Span, now: datetime) -> Boundary:
        """The vehicle stays parked: its trip is over, or was none."""
        state = self.state
        if state.is_trip and state.driven is not None:
            self.closed.append(Segment("trip", state.driven, pause.started_at))
            state.stop = pause
            state.stop.certain_at = now
        elif state.stop is None and state.trip is not None:
            state.stop = state.trip
            state.stop.certain_at = now
        self._forget_trip()
        assert state.stop is not None  # noqa: S101 - each way here leads through a trip
        return _boundary("stop", state.stop)

    def _confirm(self, trip: Span, now: datetime) -> Boundary | None:
        """Whether the candidate is a trip from now on; the stop before it is over then."""
        state = self.state
        if state.is_trip or now - trip.started_at < self._trip_min or trip.reach_m < self._rules.trip_min_m:
            return None
        if state.parked is not None and trip.started_at - state.parked.started_at >= self._stop_min:
            self.closed.append(Segment("stop", state.parked, trip.started_at))
        state.stop = state.parked = None
        state.is_trip = True
        trip.certain_at = now
        return _boundary("trip", trip)

    def _park(self, moment: Moment) -> Boundary | None:
        state = self.state
        if state.trip is None:
            if state.stop is None:
                state.stop = Span.begin(moment)
                state.stop.add(moment, self._rules)
                if self._start is not None and state.stop.frame_id == self._start.frame_id:
                    state.stop.certain_at = self._start.certain_at
                return _boundary("stop", state.stop)
        elif state.pause is None:
            state.driven = copy(state.trip)
            state.pause = Span.begin(moment)
            state.pause.add(moment, self._rules)
        return None

    def _forget_trip(self) -> None:
        state = self.state
        state.trip = state.parked = state.driven = state.pause = None
        state.is_trip = False


def _boundary(kind: Kind, span: Span) -> Boundary:
    return Boundary(kind, span.started_at, span.frame_id, span.certain_at)
