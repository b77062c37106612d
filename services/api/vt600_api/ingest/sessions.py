"""Sessions → fleet.device_sessions, fleet.device_links, and whoever wants to know at once, in one transaction per batch.

Records may come again and in any order: of one link its closing is the last word and else the newest; of a device its newest link counts.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime

import asyncpg
import structlog

from vt600_api.ingest.consumer import NotPublished
from vt600_bus import Publisher, PublisherFull, RecordError, decode
from vt600_bus.records import LinkStatus, Session
from vt600_bus.topics import LINK_STATUSES

log = structlog.get_logger()

_LONGEST_DEVICE_ID = 128
_PUBLISH_TIMEOUT_S = 10.0

_STORE = """
INSERT INTO fleet.device_sessions AS s (device_id, generation, session_id, listener_id, dialect, transport, peer, state,
                                        changed_at, opened_at, quiet_since, closed_at, cause)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)
ON CONFLICT (device_id, generation, session_id) DO UPDATE SET
    state = excluded.state, changed_at = excluded.changed_at, quiet_since = excluded.quiet_since,
    closed_at = excluded.closed_at, cause = excluded.cause
WHERE s.state <> 'closed' AND (excluded.state = 'closed' OR excluded.changed_at > s.changed_at)
"""
_LOSE = """
WITH dead AS (
    SELECT device_id, generation, session_id FROM fleet.device_sessions WHERE listener_id = $1 AND state = 'open'
    ORDER BY device_id, generation, session_id FOR UPDATE
)
UPDATE fleet.device_sessions s
SET state = 'lost', closed_at = greatest(s.changed_at, $2::timestamptz), cause = 'listener_lost'
FROM dead WHERE (s.device_id, s.generation, s.session_id) = (dead.device_id, dead.generation, dead.session_id)
RETURNING s.device_id
"""
_REVIVE = """
WITH alive AS (
    SELECT device_id, generation, session_id FROM fleet.device_sessions WHERE listener_id = $1 AND state = 'lost'
    ORDER BY device_id, generation, session_id FOR UPDATE
)
UPDATE fleet.device_sessions s SET state = 'open', closed_at = NULL, cause = NULL
FROM alive WHERE (s.device_id, s.generation, s.session_id) = (alive.device_id, alive.generation, alive.session_id)
RETURNING s.device_id
"""
# Those that admission turned away: nothing is kept of them. The hour is for frames that come to the store after the link's record.
_STRANGERS = """
SELECT device_id FROM fleet.device_links l WHERE state = 'offline' AND since < now() - interval '1 hour'
    AND NOT EXISTS (SELECT FROM fleet.devices d WHERE d.device_id = l.device_id)
LIMIT 1000
"""
_REFRESH = """
INSERT INTO fleet.device_links AS l (device_id, state, since, cause, session_id, generation, listener_id, opened_at,
                                     transport, peer)
SELECT s.device_id,
    CASE WHEN s.state <> 'open' THEN 'offline' WHEN s.quiet_since IS NULL THEN 'online' ELSE 'quiet' END,
    CASE WHEN s.state <> 'open' THEN s.closed_at ELSE coalesce(s.quiet_since, s.changed_at) END,
    s.cause, s.session_id, s.generation, s.listener_id, s.opened_at, s.transport, s.peer
FROM unnest($1::text[]) AS wanted(device_id) CROSS JOIN LATERAL (
    SELECT * FROM fleet.device_sessions s WHERE s.device_id = wanted.device_id
    ORDER BY s.generation DESC, s.session_id DESC LIMIT 1
) s
ORDER BY s.device_id
ON CONFLICT (device_id) DO UPDATE SET
    state = excluded.state, since = excluded.since, cause = excluded.cause, session_id = excluded.session_id,
    generation = excluded.generation, listener_id = excluded.listener_id, opened_at = excluded.opened_at,
    transport = excluded.transport, peer = excluded.peer
WHERE l.generation <= excluded.generation
    AND (l.state, l.since, l.cause, l.session_id)
        IS DISTINCT FROM (excluded.state, excluded.since, excluded.cause, excluded.session_id)
RETURNING *
"""


def read_session(value: bytes | None) -> Session:
    """The session, fit to be stored."""
    if value is not None and b"\\u0000" in value:
        value = value.replace(b"\\u0000", b"\\ufffd")
    session = decode(Session, value)
    if not 0 < len(session.device_id) <= _LONGEST_DEVICE_ID:
        raise RecordError(f"Session: a device id of {len(session.device_id)} characters")
    if any(time is not None and time.tzinfo is None for time in (session.at, session.opened_at, session.quiet_since)):
        raise RecordError("Session: a time without time zone")
    return session


class SessionWriter:
    """Everything that changes links in the store. What changes of whether a device can be reached is published before the commit."""

    def __init__(self, publisher: Publisher) -> None:
        self._publisher = publisher

    async def write(self, connection: asyncpg.Connection, sessions: Sequence[Session]) -> None:
        """One transaction."""
        last_words: dict[tuple[str, int, str], Session] = {}
        for session in sessions:
            key = (session.device_id, session.generation, session.session_id)
            known = last_words.get(key)
            if known is None or _rank(session) > _rank(known):
                last_words[key] = session
        async with connection.transaction():
            await connection.executemany(_STORE, [_row(last_words[key]) for key in sorted(last_words)])
            await self._refresh(connection, {session.device_id for session in sessions})

    async def lose(self, connection: asyncpg.Connection, listener_id: str, at: datetime) -> int:
        """A listener fell silent at a time: its links count as closed. How many there were. One transaction."""
        async with connection.transaction():
            lost = await connection.fetch(_LOSE, listener_id, at)
            await self._refresh(connection, {row["device_id"] for row in lost})
        return len(lost)

    async def revive(self, connection: asyncpg.Connection, listener_id: str) -> int:
        """The listener is there after all, with its links. How many there are. One transaction."""
        async with connection.transaction():
            alive = await connection.fetch(_REVIVE, listener_id)
            await self._refresh(connection, {row["device_id"] for row in alive})
        return len(alive)

    async def forget_strangers(self, connection: asyncpg.Connection) -> None:
        """Forget links of devices that the store does not know an hour after they left. One transaction."""
        async with connection.transaction():
            strangers = [row["device_id"] for row in await connection.fetch(_STRANGERS)]
            for table in ("device_sessions", "device_links"):
                await connection.execute(f"DELETE FROM fleet.{table} WHERE device_id = ANY($1)", strangers)  # noqa: S608

    async def _refresh(self, connection: asyncpg.Connection, device_ids: Collection[str]) -> None:
        """Work out which devices can be reached now, publish what changed, and wait until the broker holds it."""
        waiting: set[asyncio.Future[None]] = set()
        for row in await connection.fetch(_REFRESH, list(device_ids)):
            waiting.add(await self._queue(LinkStatus(**dict(row))))
        if not waiting:
            return
        done, pending = await asyncio.wait(waiting, timeout=_PUBLISH_TIMEOUT_S)
        if pending:
            raise NotPublished(pending)
        for future in done:
            future.result()

    async def _queue(self, status: LinkStatus) -> asyncio.Future[None]:
        log.debug(
            "link.changed",
            device_id=status.device_id,
            session_id=status.session_id,
            listener_id=status.listener_id,
            state=status.state,
            cause=status.cause,
        )
        while True:
            try:
                return self._publisher.publish(LINK_STATUSES, status.device_id, status)
            except PublisherFull:
                await self._publisher.wait_for_room()


def _rank(session: Session) -> tuple[bool, datetime]:
    return session.state == "closed", session.at


def _row(session: Session) -> tuple[object, ...]:
    is_closed = session.state == "closed"
    return (
        session.device_id,
        session.generation,
        session.session_id,
        session.listener_id,
        session.dialect,
        session.transport,
        session.peer,
        session.state,
        session.at,
        session.opened_at,
        session.quiet_since,
        session.at if is_closed else None,
        session.cause if is_closed else None,
    )
