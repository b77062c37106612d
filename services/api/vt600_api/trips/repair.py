"""Which part of a device's trips and stops is worked out again, and what of the stored ones stays. Pure.

Work begins at the last boundary that is certain without the changed reports, or where the rules left off when everything new is behind
that. It ends where a boundary behind the last changed report is one that is stored: from there on all is as it was.
"""

from collections.abc import Mapping
from datetime import datetime

from msgspec import Struct

from vt600_api.trips.rules import Boundary, Kind, Segment, Segmenter, State
from vt600_api.trips.spans import Moment, Rules

Key = tuple[Kind, datetime]


class Outcome(Struct, frozen=True):
    """`keep` replaces what is stored from `lower` on and before `upper`; None is no bound, and without `lower` nothing is to be removed.

    `state` is what is running behind the last report; None when it is what it was.
    """

    keep: list[Segment]
    lower: datetime | None
    upper: datetime | None
    state: State | None


class Repair:
    """Takes the reports from where it begins, until they end or `is_done`."""

    def __init__(
        self,
        rules: Rules,
        *,
        stored: Mapping[Key, Boundary],
        since: datetime,
        until: datetime,
        start: Boundary | None = None,
        state: State | None = None,
    ) -> None:
        self._segmenter = Segmenter(rules, state, start=start)
        self._stored = stored
        self._until = until
        self._lower = lower_bound(state, start)
        self._since = None if state is not None or start is not None else since
        self._upper: datetime | None = None

    @property
    def is_done(self) -> bool:
        """Whether all that follows is as it is stored."""
        return self._upper is not None

    def feed(self, moment: Moment) -> None:
        """Take the next report."""
        if self._lower is None:
            self._lower = moment.device_time
        boundary = self._segmenter.feed(moment)
        if (
            boundary is not None
            and boundary.started_at > self._until
            and self._stored.get((boundary.kind, boundary.started_at)) == boundary
        ):
            self._upper = boundary.started_at

    def outcome(self) -> Outcome:
        """What is to be stored."""
        keep = self._segmenter.closed
        lower = self._lower
        if self._since is not None:
            lower = self._since if lower is None else min(lower, self._since)
        if self.is_done:
            return Outcome(keep, lower, self._upper, None)
        running = self._segmenter.running
        return Outcome(keep if running is None else [*keep, running], lower, None, self._segmenter.state)


def lower_bound(state: State | None, start: Boundary | None) -> datetime | None:
    """From where on stored trips and stops may change; None when everything that comes is new."""
    if start is not None:
        return start.started_at
    running = [] if state is None else [span.started_at for span in (state.stop, state.trip) if span is not None]
    return min(running, default=None)
