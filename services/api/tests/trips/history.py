"""Reports as the rules see them, and a history in memory that is repaired as the store's is."""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

import msgspec

from vt600_api.trips.repair import Key, Repair
from vt600_api.trips.rules import Boundary, Segment, Segmenter, State
from vt600_api.trips.spans import Moment, Place, Rules

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
METRE = 1 / 111_195.08  # degrees of latitude


def moment(
    seconds: float,
    *,
    north_m: float | None = 0.0,
    kmh: float | None = 0.0,
    ignition: bool | None = None,
    odometer_m: int | None = None,
    driver: str | None = None,
    frame: int = 0,
) -> Moment:
    """A report some seconds after noon, some metres north of the origin; without `north_m` it has no fix."""
    time = NOON + timedelta(seconds=seconds)
    place = None if north_m is None else Place(north_m * METRE, 0.0, time)
    speed = None if north_m is None else kmh
    return Moment(time, f"{frame:032x}", place, speed, ignition, odometer_m, driver)


def in_order(moments: Iterable[Moment]) -> list[Moment]:
    return sorted(moments, key=lambda each: (each.device_time, each.frame_id))


def as_a_whole(moments: Iterable[Moment], rules: Rules) -> list[Segment]:
    """What the rules give for all reports at once, in the order of time."""
    segmenter = Segmenter(rules)
    for each in in_order(moments):
        segmenter.feed(each)
    running = segmenter.running
    return sorted(segmenter.closed if running is None else [*segmenter.closed, running], key=lambda s: s.key[::-1])


class History:
    """One device's reports, its trips and stops, and what was running behind the last of the reports."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.moments: set[Moment] = set()
        self.stored: dict[Key, bytes] = {}
        self.place: tuple[datetime, str] | None = None
        self.state = b""
        self.read = 0

    def change(self, *, add: Sequence[Moment] = (), remove: Sequence[Moment] = ()) -> None:
        """Take reports in or out, and repair what that changes."""
        changed = [each.device_time for each in (*add, *remove)]
        self.moments = (self.moments | set(add)) - set(remove)
        self.repair(min(changed), max(changed))

    def repair(self, since: datetime, until: datetime) -> None:
        """Work out what a change between the two may have touched."""
        segments = [_read(each) for each in self.stored.values()]
        start, state = None, None
        if self.place is not None and since > self.place[0]:
            state = msgspec.json.decode(self.state, type=State)
        else:
            certain = [each for each in segments if each.span.certain_at < since]
            if certain:
                start = _boundary(max(certain, key=lambda each: each.span.started_at))
        stored = {} if state is not None else {each.key: _boundary(each) for each in segments}
        repair = Repair(self.rules, stored=stored, since=since, until=until, start=start, state=state)
        place = None
        for each in self._from(start, resume=state is not None):
            repair.feed(each)
            self.read += 1
            place = each.device_time, each.frame_id
            if repair.is_done:
                break
        outcome = repair.outcome()
        for key in list(self.stored):
            if outcome.lower is not None and key[1] >= outcome.lower and (not outcome.upper or key[1] < outcome.upper):
                del self.stored[key]
        self.stored |= {each.key: msgspec.json.encode(each) for each in outcome.keep}
        if outcome.state is not None:
            self.state = msgspec.json.encode(outcome.state)
            if state is None or place is not None:
                self.place = place

    def segments(self) -> list[Segment]:
        """What is stored, in the order of time."""
        return sorted(map(_read, self.stored.values()), key=lambda each: each.key[::-1])

    def _from(self, start: Boundary | None, *, resume: bool) -> list[Moment]:
        found = in_order(self.moments)
        if resume and self.place is not None:
            return [each for each in found if (each.device_time, each.frame_id) > self.place]
        if start is None:
            return found
        return [each for each in found if (each.device_time, each.frame_id) >= (start.started_at, start.frame_id)]


def _read(stored: bytes) -> Segment:
    return msgspec.json.decode(stored, type=Segment)


def _boundary(segment: Segment) -> Boundary:
    span = segment.span
    return Boundary(segment.kind, span.started_at, span.frame_id, span.certain_at)
