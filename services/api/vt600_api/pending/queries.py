"""SQL of pending devices."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

Result = Literal["adopted", "active", "registered"]

_COUNTED_TO = 10_000

# A few index reads for each device of the page.
_PENDING = text(f"""
SELECT d.device_id, d.dialect, d.first_seen_at, d.last_seen_at, last.peer, counted.frames,
       l.latitude, l.longitude, l.fix_time, cardinality(l.analog_raw) AS analog_values
FROM fleet.devices d
LEFT JOIN fleet.latest_positions l USING (device_id)
LEFT JOIN LATERAL (
    SELECT count(*) AS frames FROM (SELECT 1 FROM fleet.frames f WHERE f.device_id = d.device_id LIMIT {_COUNTED_TO}) found
) counted ON true
LEFT JOIN LATERAL (
    SELECT peer FROM fleet.frames f WHERE f.device_id = d.device_id ORDER BY f.received_at DESC LIMIT 1
) last ON true
WHERE d.state = 'pending' AND d.device_id > :after
ORDER BY d.device_id LIMIT :rows
""")  # noqa: S608 - a number of ours
_STATES = text("""
SELECT device_id, state FROM fleet.devices WHERE device_id = ANY(CAST(:device_ids AS text[])) ORDER BY device_id FOR UPDATE
""")
_ADOPT = text("""
INSERT INTO fleet.devices AS d (device_id, name, state, adopted_at)
SELECT device_id, name, 'active', now()
FROM unnest(CAST(:device_ids AS text[]), CAST(:names AS text[])) AS given (device_id, name) ORDER BY device_id
ON CONFLICT (device_id) DO UPDATE SET
    name = coalesce(excluded.name, d.name),
    adopted_at = CASE WHEN d.state = 'pending' THEN excluded.adopted_at ELSE d.adopted_at END,
    state = 'active'
""")
_RESULTS: dict[str | None, Result] = {"pending": "adopted", "active": "active", None: "registered"}


async def list_pending(db: AsyncSession, *, after: str, limit: int) -> Sequence[RowMapping]:
    """Pending devices behind an identity; one more than `limit` when there are more."""
    return (await db.execute(_PENDING, {"after": after, "rows": limit + 1})).mappings().all()


async def adopt(db: AsyncSession, names: dict[str, str | None]) -> dict[str, Result]:
    """Take devices on, those too that never reported; what became of each."""
    device_ids = list(names)
    rows = await db.execute(_STATES, {"device_ids": device_ids})
    states: dict[str, str] = {row.device_id: row.state for row in rows}
    await db.execute(_ADOPT, {"device_ids": device_ids, "names": list(names.values())})
    return {device_id: _RESULTS[states.get(device_id)] for device_id in device_ids}
