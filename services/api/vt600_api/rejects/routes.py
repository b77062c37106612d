"""`/v1/rejects`: what came and was not taken, and why."""

from ipaddress import IPv4Address, IPv6Address
from typing import Annotated

from fastapi import APIRouter, Query, Response

from vt600_api.cursors import make_cursor, read_key
from vt600_api.dependencies import BoundedDb, CursorText, Limit, RawReader
from vt600_api.paging import Order
from vt600_api.positions.parameters import Since, Until, check_span
from vt600_api.rejects import queries
from vt600_api.rejects.queries import RejectFilter
from vt600_api.rejects.schemas import RejectPage
from vt600_api.responses import json_response

router = APIRouter(prefix="/v1/rejects", tags=["frames"])

Peer = Annotated[IPv4Address | IPv6Address | None, Query(description="The peer's address, whatever the port.")]
Reason = Annotated[str | None, Query(pattern="^[a-z0-9_]{1,50}$", examples=["checksum", "too_many_of_address"])]


@router.get("", response_model=RejectPage)
async def list_rejects(
    _caller: RawReader,
    db: BoundedDb,
    peer: Peer = None,
    reason: Reason = None,
    since: Since = None,
    until: Until = None,
    order: Order = "desc",
    cursor: CursorText = None,
    limit: Limit = 100,
) -> Response:
    """What was refused, by arrival, the newest first unless asked otherwise."""
    check_span(since, until)
    host = f"[{peer}]" if isinstance(peer, IPv6Address) else str(peer)
    wanted = RejectFilter(since, until, None if peer is None else host, reason)
    rows = await queries.rejects(db, wanted, after=read_key(cursor), order=order, limit=limit)
    last = rows[limit - 1] if len(rows) > limit else None
    after = None if last is None else make_cursor(last.received_at, last.reject_id)
    return json_response({"items": [row._asdict() for row in rows[:limit]], "next_cursor": after})
