"""Brings the hours and days of one device up to date, inside the transaction that works its changes off."""

from datetime import datetime, timedelta

import asyncpg

from vt600_api.summaries.statements import BOUNDS, REPAIR_DAYS, REPAIR_HOURS
from vt600_api.trips.spans import Rules

LONGEST_GAP = timedelta(minutes=30)
_HOUR = timedelta(hours=1)
_AT_ONCE = timedelta(days=31)


async def repair_summaries(
    connection: asyncpg.Connection, device_id: str, since: datetime, until: datetime, rules: Rules
) -> None:
    """Work out again what reports of a device from `since` to `until` may have touched; nobody else may do so meanwhile.

    Hours of which retention has taken reports stay as they are.
    """
    if until - since > _AT_ONCE:
        bounds = await connection.fetchrow(BOUNDS, device_id)
        if bounds is None or bounds["first"] is None:
            return
        since, until = max(since, bounds["first"]), min(until, bounds["last"])
    lower = (since - LONGEST_GAP).replace(minute=0, second=0, microsecond=0)
    upper = (until + LONGEST_GAP).replace(minute=0, second=0, microsecond=0) + _HOUR
    limits = rules.moving_kmh, rules.still_radius_m, rules.fastest_kmh
    at = lower
    while at < upper:
        end = min(at + _AT_ONCE, upper)
        await connection.execute(REPAIR_HOURS, device_id, at, end, LONGEST_GAP, *limits)
        at = end
    if lower < upper:
        after = (upper - _HOUR).replace(hour=0) + timedelta(days=1)
        await connection.execute(REPAIR_DAYS, device_id, lower.replace(hour=0), after)
