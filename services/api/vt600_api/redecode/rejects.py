"""Going through the rejects: those that can be read now are stored as if they had been accepted, and are rejects no longer.

Ingest's own rules hold for devices that nobody registered; rejects of those that are turned away stay. Nothing is published.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial

import asyncpg
from prometheus_client import CollectorRegistry

from vt600_api.ingest.admission import PendingPolicy
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.store import REFUSED
from vt600_api.ingest.traces import REASONS
from vt600_api.ingest.uplinks import Stored, UplinkWriter, prepare
from vt600_api.redecode.accepting import read_uplinks
from vt600_api.redecode.run import Span
from vt600_bus.records import Uplink

_CHUNK = 1_000
_SAMPLES = 10
_NO_REJECT = "00000000-0000-0000-0000-000000000000"

# What is whole, and was refused for its bytes.
_NEXT = """
SELECT received_at, reject_id, peer, transport, listener_id, session_id, reason, raw FROM fleet.rejects
WHERE (received_at, reject_id) > ($1, $2::uuid) AND received_at < $3
    AND octet_length(raw) = total_bytes AND reason <> ALL($4::text[])
ORDER BY received_at, reject_id LIMIT $5
"""
_DELETE = """
DELETE FROM fleet.rejects r USING unnest($1::timestamptz[], $2::uuid[]) AS gone (received_at, reject_id)
WHERE r.received_at = gone.received_at AND r.reject_id = gone.reject_id
"""

Readable = tuple[asyncpg.Record, Sequence[Uplink]]


class _Dry(Exception):  # noqa: N818 - no mistake: it takes back a transaction that was tried
    pass


@dataclass(slots=True)
class RejectOutcome:
    """What a run found (and, unless it was dry, stored)."""

    rejects: int = 0
    readable: int = 0
    stored: int = 0
    new_reports: int = 0
    turned_away: int = 0
    unstorable: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    samples: list[str] = field(default_factory=list)

    def lines(self) -> Iterable[str]:
        """For a person to read."""
        yield f"{self.rejects} rejects read, {self.readable} readable now"
        yield (
            f"{self.stored} stored with {self.new_reports} new reports; {self.turned_away} stay, as their devices are turned away,"
            f" {self.unstorable} as the store refuses them"
        )
        for kind, count in self.kinds.most_common():
            yield f"  {kind}: {count}"
        yield from self.samples


class RejectRedecoder:
    """One run over a connection of its own; live ingest goes on meanwhile. With `dry_run` nothing is changed."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        span: Span,
        *,
        policy: PendingPolicy,
        dry_run: bool,
        stopped: Callable[[], bool] = lambda: False,
    ) -> None:
        self._connection = connection
        self._span = span
        self._dry_run = dry_run
        self._stopped = stopped
        self._writer = UplinkWriter(None, IngestMetrics(CollectorRegistry()), policy)
        self.outcome = RejectOutcome()

    async def run(self) -> datetime | None:
        """Go through the rejects of the span; the time from which on to go on when it was stopped, None at the end."""
        await prepare(self._connection)
        place = (self._span.since, _NO_REJECT)
        while rows := await self._connection.fetch(_NEXT, *place, self._span.until, list(REASONS), _CHUNK):
            if self._stopped():
                return place[0]
            self.outcome.rejects += len(rows)
            found = [(row, uplinks) for row in rows if (uplinks := read_uplinks(row))]
            self.outcome.readable += len(found)
            if found:
                await self._store(found)
            place = (rows[-1]["received_at"], str(rows[-1]["reject_id"]))
        return None

    async def _store(self, found: Sequence[Readable]) -> None:
        """Store them all; look for the one that the store refuses by halves."""
        uplinks = [uplink for _row, uplinks in found for uplink in uplinks]
        try:
            await self._writer.write(self._connection, uplinks, also=partial(self._settle, found))
        except _Dry:
            pass
        except REFUSED:
            if len(found) == 1:
                self.outcome.unstorable += 1
                return
            middle = len(found) // 2
            await self._store(found[:middle])
            await self._store(found[middle:])

    async def _settle(self, found: Sequence[Readable], stored: Stored) -> None:
        """In the transaction that stores them: what is stored is no reject any more."""
        dropped = {id(uplink) for uplinks in stored.dropped.values() for uplink in uplinks}
        taken = [one for one in found if not any(id(uplink) in dropped for uplink in one[1])]
        self.outcome.turned_away += len(found) - len(taken)
        self.outcome.stored += len(taken)
        self.outcome.new_reports += len(stored.fresh)
        for row, uplinks in taken:
            self.outcome.kinds.update(uplink.kind for uplink in uplinks)
            if len(self.outcome.samples) < _SAMPLES:
                first = uplinks[0]
                said = f"{first.device_id} {first.kind} {first.code}"
                self.outcome.samples.append(
                    f"  {row['received_at'].isoformat()} {row['peer']} {row['reason']} → {said}"
                )
        if self._dry_run:
            raise _Dry
        await self._connection.execute(
            _DELETE, [row["received_at"] for row, _ in taken], [row["reject_id"] for row, _ in taken]
        )
