"""Tracks of any length as files."""

from collections.abc import AsyncIterator
from http import HTTPStatus
from typing import Annotated, Any, Literal

import asyncpg
from fastapi import APIRouter, Depends, Request

from vt600_api.dependencies import Db, DeviceId, Reader, ServicesDep
from vt600_api.devices.routes import require_device
from vt600_api.errors import ApiError
from vt600_api.exports.formats import FORMATS, Rows, Writer
from vt600_api.exports.queries import export_rows
from vt600_api.exports.stream import FileStream
from vt600_api.positions.parameters import FieldList, Since, Until, check_span, read_fields
from vt600_api.positions.queries import TrackFilter

router = APIRouter(prefix="/v1/devices/{device_id}", tags=["positions"])

_EXAMPLES = {
    "text/csv": "device_time,latitude,longitude\r\n2026-05-04T12:00:00Z,22.547123,114.060412\r\n",
    "application/geo+json": {
        "type": "FeatureCollection",
        "features": [
            {
                "type": "Feature",
                "geometry": {"type": "Point", "coordinates": [114.060412, 22.547123, 35.0]},
                "properties": {"device_time": "2026-05-04T12:00:00Z", "speed_kmh": 42.6},
            }
        ],
    },
    "application/gpx+xml": '<gpx><trk><trkseg><trkpt lat="22.547123" lon="114.060412">…</trkpt></trkseg></trk></gpx>',
    "application/vnd.google-earth.kml+xml": "<kml>…<gx:Track><when>…</when><gx:coord>…</gx:coord></gx:Track>…</kml>",
}
_ANSWERS: dict[int | str, dict[str, Any]] = {
    200: {"description": "The file.", "content": {kind: {"example": text} for kind, text in _EXAMPLES.items()}}
}


async def _connection(services: ServicesDep) -> AsyncIterator[asyncpg.Connection]:
    async with services.exports.open() as connection:
        yield connection


@router.get("/positions/export", response_class=FileStream, status_code=200, responses=_ANSWERS)
async def export_track(
    request: Request,
    _caller: Reader,
    db: Db,
    services: ServicesDep,
    connection: Annotated[asyncpg.Connection, Depends(_connection, scope="request")],
    device_id: DeviceId,
    format: Literal["csv", "geojson", "gpx", "kml"],  # noqa: A002 - the word of the API
    since: Since = None,
    until: Until = None,
    late: bool | None = None,  # noqa: FBT001 - a query parameter
    fix_valid: bool | None = None,  # noqa: FBT001
    kind: Literal["position", "alarm"] | None = None,
    fields: FieldList = None,
) -> FileStream:
    """A device's track as a file, the oldest first, of any length, as it was when the request came.

    CSV and GeoJSON hold every report, with the `fields` that are asked for or a usual choice; GPX and KML hold places, those of valid
    fixes unless asked otherwise. In CSV a text that begins like a formula (`=`, `+`, `-`, `@`, tab) has an apostrophe before it. The file comes in chunks. When it breaks off, the connection is cut before the last chunk, so that the
    client can tell; HTTP/1.0 could not, and is refused.
    """
    if request.scope["http_version"] == "1.0":
        detail = "A file comes in chunks, which are of HTTP/1.1; a proxy in between may be set to 1.0."
        raise ApiError(HTTPStatus.HTTP_VERSION_NOT_SUPPORTED, "http_1_1_needed", detail)
    check_span(since, until)
    chosen, kind_of_file = read_fields(fields), FORMATS[format]
    if chosen is not None and not kind_of_file.takes_fields:
        raise ApiError(422, "fields_not_supported", f"The fields of {format} are fixed.")
    await require_device(db, device_id)
    placed = kind_of_file.only_fixes
    wanted = TrackFilter(since, until, late, True if placed and fix_valid is None else fix_valid, kind)
    columns = kind_of_file.columns(chosen)
    batches = export_rows(connection, device_id, wanted, columns, placed=placed)
    first = await anext(batches, None) or ()  # what is wrong with the question shows before the answer begins
    return FileStream(
        _parts(kind_of_file.write(device_id, columns), first, batches),
        media_type=kind_of_file.media_type,
        file_name=f"{device_id}.{format}",
        stall_s=services.settings.export_stall_s,
    )


async def _parts(writer: Writer, first: Rows, others: AsyncIterator[Rows]) -> AsyncIterator[bytes]:
    if not first:
        yield writer.head() + writer.end()
        return
    yield writer.head() + writer.part(first)
    async for rows in others:
        yield writer.part(rows)
    if end := writer.end():
        yield end
