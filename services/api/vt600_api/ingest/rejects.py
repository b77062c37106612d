"""Rejects → fleet.rejects, bounded."""

from collections.abc import Sequence
from hashlib import blake2b

import asyncpg

from vt600_bus import RecordError, decode
from vt600_bus.records import Reject

_RAW_BYTES = 4096
_TEXT_CHARACTERS = 1000

_INSERT = """
INSERT INTO fleet.rejects (received_at, reject_id, peer, transport, listener_id, reason, detail, raw, total_bytes, dialect,
                           device_id, session_id)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
ON CONFLICT DO NOTHING
"""


def read_reject(value: bytes | None) -> Reject:
    """The reject, fit to be stored."""
    if value is not None and b"\\u0000" in value:
        value = value.replace(b"\\u0000", b"\\ufffd")
    reject = decode(Reject, value)
    if reject.received_at.tzinfo is None:
        raise RecordError("Reject: a time without time zone")
    return reject


async def write_rejects(connection: asyncpg.Connection, rejects: Sequence[Reject]) -> None:
    """One transaction. A reject that comes again is known by the hash of what it says."""
    rows = [
        (
            reject.received_at,
            _reject_id(reject),
            reject.peer[:_TEXT_CHARACTERS],
            reject.transport,
            reject.listener_id[:_TEXT_CHARACTERS],
            reject.reason[:_TEXT_CHARACTERS],
            reject.detail[:_TEXT_CHARACTERS],
            reject.raw[:_RAW_BYTES],
            reject.total_bytes,
            reject.dialect,
            None if reject.device_id is None else reject.device_id[:_TEXT_CHARACTERS],
            reject.session_id,
        )
        for reject in rejects
    ]
    await connection.executemany(_INSERT, rows)


def _reject_id(reject: Reject) -> str:
    facts = (reject.peer, reject.session_id, reject.reason, str(reject.total_bytes), reject.raw.hex())
    return blake2b("\n".join(map(str, facts)).encode(), digest_size=16).hexdigest()
