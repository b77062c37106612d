"""SQL of areas: device by device from its own track, the bounding box first and the polygon for what is left."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Row, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.devices.models import Device

Ring = Sequence[tuple[float, float]]

# The shapes are read from text once: a plan that is kept for any parameters would read them anew for every row.
_VISITS = text("""
WITH shape AS MATERIALIZED (
    SELECT CAST(CAST(:outer AS text) AS polygon) AS whole
), holes AS MATERIALIZED (
    SELECT unnest(CAST(CAST(:holes AS text[]) AS polygon[])) AS hole
)
SELECT device_id, first_time, last_time, reports
FROM fleet.devices CROSS JOIN LATERAL (
    SELECT min(device_time) AS first_time, max(device_time) AS last_time, count(*) AS reports
    FROM fleet.reports
    WHERE reports.device_id = devices.device_id AND device_time >= :since AND device_time < :until AND fix_valid
        AND latitude BETWEEN :south AND :north AND longitude BETWEEN :west AND :east
        AND (SELECT whole FROM shape) @> point(longitude, latitude)
        AND NOT EXISTS (SELECT FROM holes WHERE hole @> point(longitude, latitude))
) AS inside
WHERE reports > 0 AND (CAST(:device_ids AS text[]) IS NULL OR device_id = ANY (CAST(:device_ids AS text[])))
ORDER BY device_id
""")


async def count_devices(db: AsyncSession) -> int:
    """How many devices there are."""
    return int(await db.scalar(select(func.count()).select_from(Device)) or 0)


async def visits(
    db: AsyncSession, rings: Sequence[Ring], *, since: datetime, until: datetime, device_ids: Sequence[str] | None
) -> Sequence[Row[Any]]:
    """Devices with a valid fix inside the first ring and in none of the others."""
    outer, *holes = rings
    words: dict[str, Any] = {"since": since, "until": until, "device_ids": device_ids}
    words |= {"west": min(x for x, _ in outer), "east": max(x for x, _ in outer)}
    words |= {"south": min(y for _, y in outer), "north": max(y for _, y in outer)}
    words |= {"outer": _polygon(outer), "holes": [_polygon(hole) for hole in holes]}
    rows: Sequence[Row[Any]] = (await db.execute(_VISITS, words)).all()
    return rows


def _polygon(ring: Ring) -> str:
    return "(" + ",".join(f"({x!r},{y!r})" for x, y in ring) + ")"
