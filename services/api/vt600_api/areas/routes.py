"""Which devices were in an area."""

from datetime import timedelta

from fastapi import APIRouter, Response

from vt600_api.areas import queries
from vt600_api.areas.queries import Ring
from vt600_api.areas.schemas import AreaToSearch, Polygon, Visits
from vt600_api.dependencies import BoundedDb, Reader
from vt600_api.errors import ApiError
from vt600_api.positions.parameters import check_span
from vt600_api.responses import json_response

router = APIRouter(prefix="/v1/positions", tags=["positions"])

_MAX_POINTS = 1000
_MAX_DEVICE_DAYS = 20_000
_DAY = timedelta(days=1)


@router.post("/area", response_model=Visits)
async def search_area(_caller: Reader, db: BoundedDb, body: AreaToSearch) -> Response:
    """Which devices reported from inside a polygon, and when first and last.

    What it costs is bounded: the days of the span times the devices (all, unless some are named) may be 20,000, beyond that the code is
    `area_too_expensive`; and the search ends with `query_timeout` when it takes too long all the same.
    """
    check_span(body.since, body.until)
    rings = _rings(body.polygon)
    devices = await queries.count_devices(db) if body.devices is None else len(body.devices)
    if devices * max((body.until - body.since) / _DAY, 1) > _MAX_DEVICE_DAYS:
        detail = f"{devices} devices times the days of the span are more than {_MAX_DEVICE_DAYS}; name devices or ask for less."
        raise ApiError(422, "area_too_expensive", detail)
    rows = await queries.visits(db, rings, since=body.since, until=body.until, device_ids=body.devices)
    return json_response({"items": [row._asdict() for row in rows]})


def _rings(polygon: Polygon) -> list[Ring]:
    """The rings without the corner that closes them; ApiError when one is none."""
    if sum(map(len, polygon.coordinates)) > _MAX_POINTS:
        raise ApiError(422, "too_many_points", f"A polygon has at most {_MAX_POINTS} points.")
    rings: list[Ring] = []
    for number, corners in enumerate(polygon.coordinates):
        ring = [(longitude, latitude) for longitude, latitude, *_ in corners]
        wrong = None
        if len(ring) < 4 or ring[0] != ring[-1]:
            wrong = "a ring has at least four points, and the last is the first again"
        elif not all(-180 <= longitude <= 180 and -90 <= latitude <= 90 for longitude, latitude in ring):
            wrong = "a point is a longitude from -180 to 180 and a latitude from -90 to 90"
        if wrong is not None:
            where = f"body.polygon.coordinates.{number}"
            raise ApiError(422, "invalid_polygon", "This is no polygon.", errors=[{"where": where, "message": wrong}])
        rings.append(ring[:-1])
    return rings
