"""The rule of hours once more, in plain Python: what the store is compared with."""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from typing import NamedTuple

from vt600_api.trips.spans import Place, Rules, distance_m

GAP = timedelta(minutes=30)
HOUR = timedelta(hours=1)


class Said(NamedTuple):
    """A report as the rule sees it."""

    device_time: datetime
    frame_id: str
    kind: str = "position"
    fix_valid: bool = True
    latitude: float | None = None
    longitude: float | None = None
    speed_kmh: float | None = None
    ignition: bool | None = None
    is_suspect: bool = False

    @property
    def speed(self) -> float | None:
        """That of a valid fix."""
        return self.speed_kmh if self.fix_valid else None

    @property
    def place(self) -> Place | None:
        """A valid fix."""
        if not self.fix_valid or self.latitude is None or self.longitude is None or abs(self.latitude) > 90:
            return None
        return Place(self.latitude, self.longitude, self.device_time)


def hours_of(said: Iterable[Said], rules: Rules) -> dict[datetime, dict[str, object]]:
    """Each hour that holds a report."""
    trusted = sorted((each for each in said if not each.is_suspect), key=lambda each: (each.device_time, each.frame_id))
    return {hour: _hour(hour, trusted, rules) for hour in sorted({_hour_of(each.device_time) for each in trusted})}


def _hour(hour: datetime, trusted: list[Said], rules: Rules) -> dict[str, object]:
    own = [each for each in trusted if _hour_of(each.device_time) == hour]
    places = [each.place for each in own if each.place is not None]
    held = [(each, seconds) for each, seconds in _held(hour, trusted) if seconds or each in own]
    known = [(each.speed, seconds) for each, seconds in held if each.speed is not None]
    moving = [(speed, seconds) for speed, seconds in known if speed >= rules.moving_kmh]
    keyed = [(each, seconds) for each, seconds in held if each.ignition is not None]
    idle = [s for each, s in keyed if each.ignition and each.speed is not None and each.speed < rules.moving_kmh]
    moving_s = sum(seconds for _speed, seconds in moving)
    ways = list(_ways(hour, trusted, rules))
    return {
        "distance_m": sum(ways) if ways or places else None,
        "moving_s": moving_s if known else None,
        "idle_s": sum(idle) if keyed else None,
        "ignition_s": sum(seconds for each, seconds in keyed if each.ignition) if keyed else None,
        "top_speed_kmh": max((speed for speed, _seconds in known), default=None),
        "mean_speed_kmh": sum(speed * seconds for speed, seconds in moving) / moving_s if moving_s else None,
        "reports": len(own),
        "alarms": sum(each.kind == "alarm" for each in own),
        "first": places[0] if places else None,
        "last": places[-1] if places else None,
    }


def _held(hour: datetime, trusted: list[Said]) -> Iterator[tuple[Said, float]]:
    """How long each report held within the hour."""
    following = [*trusted[1:], None]
    for one, then in zip(trusted, following, strict=True):
        lasts = then is not None and then.device_time - one.device_time <= GAP
        yield one, _overlap(hour, one.device_time, then.device_time) if then is not None and lasts else 0.0


def _ways(hour: datetime, trusted: list[Said], rules: Rules) -> Iterator[float]:
    """The metres of each way between two valid fixes within the hour."""
    for (_one, start), (then, end) in pairwise((each, each.place) for each in trusted if each.place is not None):
        assert start is not None
        assert end is not None
        whole = (end.at - start.at).total_seconds()
        if end.at - start.at > GAP:
            continue
        share = _overlap(hour, start.at, end.at) / whole if whole else float(_hour_of(start.at) == hour)
        if not share:
            continue
        metres = distance_m(start, end)
        stands = metres < rules.still_radius_m and then.speed is not None and then.speed < rules.moving_kmh
        leaps = metres > max(whole, 1.0) * rules.fastest_kmh / 3.6
        yield 0.0 if stands or leaps else metres * share


def _overlap(hour: datetime, start: datetime, end: datetime) -> float:
    return max((min(end, hour + HOUR) - max(start, hour)).total_seconds(), 0.0)


def _hour_of(moment: datetime) -> datetime:
    return moment.replace(minute=0, second=0, microsecond=0)
