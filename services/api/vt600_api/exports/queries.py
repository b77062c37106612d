"""The rows of a file, from a cursor in the server."""

from collections.abc import AsyncIterator, Sequence

import asyncpg
from sqlalchemy import Text, cast, func
from sqlalchemy.dialects.postgresql import asyncpg as asyncpg_dialect

from vt600_api.positions.models import Report
from vt600_api.positions.queries import TrackFilter, select_track

_ROWS_AT_ONCE = 500  # some milliseconds of work, so that other requests get their turn
_DIALECT = asyncpg_dialect.dialect()  # type: ignore[no-untyped-call]


async def export_rows(
    connection: asyncpg.Connection, device_id: str, wanted: TrackFilter, fields: Sequence[str], *, placed: bool
) -> AsyncIterator[Sequence[asyncpg.Record]]:
    """The fields of a device's reports in the order of its clock, some hundred rows at a time; `placed`: of those with a place."""
    query = select_track(device_id, wanted, ()).order_by(Report.device_time, Report.frame_id)
    for name in fields:
        column = getattr(Report, name)
        query = query.add_columns(func.replace(cast(column, Text), "-", "") if name == "frame_id" else column)
    if placed:
        query = query.where(Report.latitude.is_not(None), Report.longitude.is_not(None))
    made = query.compile(dialect=_DIALECT)
    cursor = await connection.cursor(str(made), *(made.params[name] for name in made.positiontup or ()))
    while rows := await cursor.fetch(_ROWS_AT_ONCE):
        yield rows
