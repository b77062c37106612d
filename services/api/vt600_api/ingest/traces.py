"""What stays of devices of which nothing is stored: one row among the rejects for each of them in six hours.

Their rows bear the time at which the six hours began, so that each is there once however often it is written, and so that they can be
counted: no more than a thousand in six hours, whoever knocks.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import blake2b

import asyncpg

from vt600_bus.records import Uplink

REASONS = ("unregistered", "too_many_pending", "too_many_of_address")

_SPAN_S = 6 * 3600
_ROWS = 1_000
_RAW_BYTES = 4_096
_DETAIL = "nothing of this device is stored; this came at {}"

_TRACE = """
INSERT INTO fleet.rejects (received_at, reject_id, peer, transport, listener_id, reason, detail, raw, total_bytes, dialect,
                           device_id, session_id)
SELECT $1, reject_id, peer, transport, listener_id, reason, detail, raw, total_bytes, dialect, device_id, session_id
FROM unnest($2::uuid[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::bytea[], $9::bigint[], $10::text[],
            $11::text[], $12::text[])
    AS given (reject_id, peer, transport, listener_id, reason, detail, raw, total_bytes, dialect, device_id, session_id)
WHERE NOT EXISTS (SELECT FROM fleet.rejects r WHERE r.received_at = $1 AND r.reject_id = given.reject_id)
LIMIT greatest(0, $13 - (SELECT count(*) FROM fleet.rejects WHERE received_at = $1))
ON CONFLICT DO NOTHING
"""

Row = tuple[object, ...]


async def leave_traces(connection: asyncpg.Connection, dropped: Mapping[str, Sequence[Uplink]]) -> None:
    """The first frame of each device, with the reason why it is not stored."""
    spans: defaultdict[datetime, dict[str, Row]] = defaultdict(dict)
    for reason, uplinks in dropped.items():
        for uplink in uplinks:
            rows = spans[_beginning(uplink.received_at)]
            if uplink.device_id not in rows:
                rows[uplink.device_id] = _row(uplink, reason)
    for beginning, rows in spans.items():
        await connection.execute(_TRACE, beginning, *map(list, zip(*rows.values(), strict=True)), _ROWS)


def _beginning(time: datetime) -> datetime:
    return datetime.fromtimestamp(time.timestamp() // _SPAN_S * _SPAN_S, UTC)


def _row(uplink: Uplink, reason: str) -> Row:
    return (
        blake2b(f"{uplink.device_id}\n{reason}".encode(), digest_size=16).hexdigest(),
        uplink.peer,
        uplink.transport,
        uplink.listener_id,
        reason,
        _DETAIL.format(uplink.received_at.isoformat()),
        uplink.raw[:_RAW_BYTES],
        len(uplink.raw),
        uplink.dialect,
        uplink.device_id,
        uplink.session_id,
    )
