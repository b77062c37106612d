"""SQL of pending devices."""

from collections.abc import Sequence
from typing import Literal

from sqlalchemy import RowMapping, text
from sqlalchemy.ext.asyncio import AsyncSession

Result = Literal["adopted", "active", "registered"]

# A few index reads for each device of the page.
_PENDING = text("""
SELECT d.device_id, d.dialect, d.first_seen_at, d.last_seen_at, last.peer, d.pending_frames AS frames,
       l.latitude, l.longitude, l.fix_time, cardinality(l.analog_raw) AS analog_values
FROM fleet.devices d
LEFT JOIN fleet.latest_positions l USING (device_id)
LEFT JOIN LATERAL (
    SELECT peer FROM fleet.frames f WHERE f.device_id = d.device_id ORDER BY f.received_at DESC LIMIT 1
) last ON true
WHERE d.state = 'pending' AND d.device_id > :after
ORDER BY d.device_id LIMIT :rows
""")
# Who makes devices makes them before he locks any, and both in their order: so nobody waits in a circle.
_REGISTER = text("""
INSERT INTO fleet.devices (device_id, name, state, adopted_at)
SELECT device_id, name, 'active', now()
FROM unnest(CAST(:device_ids AS text[]), CAST(:names AS text[])) AS given (device_id, name) ORDER BY device_id COLLATE "C"
ON CONFLICT DO NOTHING RETURNING device_id
""")
_STATES = text("""
SELECT device_id, state FROM fleet.devices WHERE device_id = ANY(CAST(:device_ids AS text[])) ORDER BY device_id FOR UPDATE
""")
_ADOPT = text("""
UPDATE fleet.devices d SET
    name = coalesce(given.name, d.name),
    adopted_at = CASE WHEN d.state = 'pending' THEN now() ELSE d.adopted_at END,
    state = 'active'
FROM unnest(CAST(:device_ids AS text[]), CAST(:names AS text[])) AS given (device_id, name) WHERE d.device_id = given.device_id
""")


async def list_pending(db: AsyncSession, *, after: str, limit: int) -> Sequence[RowMapping]:
    """Pending devices behind an identity; one more than `limit` when there are more."""
    return (await db.execute(_PENDING, {"after": after, "rows": limit + 1})).mappings().all()


async def adopt(db: AsyncSession, names: dict[str, str | None]) -> dict[str, Result]:
    """Take devices on, those too that never reported; what became of each."""
    given = {"device_ids": list(names), "names": list(names.values())}
    registered = set((await db.execute(_REGISTER, given)).scalars())
    states: dict[str, str] = {row.device_id: row.state for row in await db.execute(_STATES, given)}
    await db.execute(_ADOPT, given)
    results: dict[str, Result] = {one: "adopted" if states.get(one) == "pending" else "active" for one in names}
    return {**results, **dict.fromkeys(registered, "registered")}
