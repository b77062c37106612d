"""What a track says as a whole: its shape, its course in equal steps of time, and where it is missing."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import numpy as np
from fastapi import APIRouter, Query, Response
from sqlalchemy import Row

from vt600_api.dependencies import BoundedDb, DeviceId, Reader
from vt600_api.devices.routes import require_device
from vt600_api.errors import ApiError
from vt600_api.positions.parameters import DURATION, SpanEnd, SpanStart, check_span, read_duration
from vt600_api.responses import json_response
from vt600_api.tracks import queries
from vt600_api.tracks.schemas import Buckets, Gaps, Track
from vt600_api.tracks.simplify import indices_to_keep

router = APIRouter(prefix="/v1/devices/{device_id}", tags=["positions"])

_LONGEST = timedelta(days=366)
_MAX_BUCKETS = 5000
_MAX_PLACES = 500_000
_MAX_GAPS = 1000


@router.get("/positions/buckets", response_model=Buckets)
async def read_buckets(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    every: Annotated[str, Query(pattern=DURATION, description="The step: a number and s, m, h or d.", examples=["5m"])],
    since: SpanStart,
    until: SpanEnd,
) -> Response:
    """A device's track in equal steps of time that begin at whole ones in UTC, weeks on Mondays; steps without a report are left out."""
    check_span(since, until, longest=_LONGEST)
    step = read_duration(every)
    if (until - since) / step > _MAX_BUCKETS:
        raise ApiError(
            422, "too_many_buckets", f"At most {_MAX_BUCKETS} buckets: ask for longer ones or a shorter span."
        )
    await require_device(db, device_id)
    rows = await queries.buckets(db, device_id, since=since, until=until, every=step)
    return json_response({"items": [_bucket(row, step) for row in rows]})


@router.get("/track", response_model=Track)
async def read_track(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    since: SpanStart,
    until: SpanEnd,
    points: Annotated[int, Query(ge=2, le=5000, description="At most so many points.")] = 500,
) -> Response:
    """The shape of a device's track in few points, as GeoJSON with the time of each point.

    The points that matter least for the shape are left out (Visvalingam and Whyatt's way); the ends always stay. Only valid fixes
    count. A span that holds more than 500,000 of them is refused with the code `track_too_long`; none is left out unseen.
    """
    check_span(since, until)
    await require_device(db, device_id)
    times: list[datetime] = []
    parts = []
    async for rows in queries.places(db, device_id, since=since, until=until, limit=_MAX_PLACES + 1):
        times += [row[0] for row in rows]
        parts.append(np.array([row[1:] for row in rows], dtype=np.float64))
    if len(times) > _MAX_PLACES:
        raise ApiError(422, "track_too_long", f"The span holds more than {_MAX_PLACES} places; ask for a shorter one.")
    places = np.concatenate(parts) if parts else np.empty((0, 2))
    kept = await asyncio.to_thread(indices_to_keep, places, points)
    coordinates = places[kept][:, ::-1].tolist()
    properties = {"device_id": device_id, "places": len(times), "times": [times[index] for index in kept]}
    return json_response({"type": "Feature", "geometry": _geometry(coordinates), "properties": properties})


@router.get("/gaps", response_model=Gaps)
async def read_gaps(
    _caller: Reader,
    db: BoundedDb,
    device_id: DeviceId,
    since: SpanStart,
    until: SpanEnd,
    longer_than: Annotated[
        str | None,
        Query(pattern=DURATION, description="What counts as a gap: a number and s, m, h or d.", examples=["10m"]),
    ] = None,
) -> Response:
    """Where reports should have come by the device's own interval and did not.

    With `longer_than`, every time between two reports that is longer. Without it, every one that is longer than three times the usual
    one, which is the median of the span (with fewer than three to judge by, of the hundred reports before it too). A parked tracker
    reports less often: times that begin with a report with the ignition off are compared with each other only, all others with all
    others. A time with which there is nothing to compare is no gap. Gaps that reach over an end of the span are shown whole; behind
    the last report of all, the time until now counts.
    """
    check_span(since, until, longest=_LONGEST)
    await require_device(db, device_id)
    least = None if longer_than is None else read_duration(longer_than)
    rows = await queries.gaps(
        db, device_id, since=since, until=until, longer_than=least, now=datetime.now(UTC), limit=_MAX_GAPS
    )
    items = [row._asdict() for row in rows[:_MAX_GAPS]]
    return json_response({"items": items, "is_complete": len(rows) <= _MAX_GAPS})


def _bucket(row: Row[Any], step: timedelta) -> dict[str, Any]:
    found = row._asdict()
    bucket = {"start": found["start"], "end": found["start"] + step, "reports": found["reports"]}
    for end in ("first", "last"):
        time, place = found[f"{end}_time"], found[f"{end}_place"]
        bucket[end] = None if time is None else {"time": time, "latitude": place[1], "longitude": place[2]}
    names = ("top_speed_kmh", "mean_speed_kmh", "distance_m", "ignition_share")
    return {**bucket, **{name: found[name] for name in names}}


def _geometry(coordinates: list[list[float]]) -> dict[str, Any] | None:
    if len(coordinates) > 1:
        return {"type": "LineString", "coordinates": coordinates}
    return {"type": "Point", "coordinates": coordinates[0]} if coordinates else None
