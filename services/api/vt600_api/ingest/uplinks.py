"""Uplinks → reports, frames, latest positions, devices, and the public feed, in one transaction per batch (DESIGN §5)."""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from datetime import datetime
from typing import NamedTuple

import asyncpg

from vt600_api.devices.settings import profile_of
from vt600_api.ingest.admission import Admission, Dropped, PendingPolicy, Refused
from vt600_api.ingest.consumer import NotPublished
from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.normalise import DEFAULT_PROFILE, to_report
from vt600_api.ingest.spans import StoreSpans
from vt600_api.ingest.staging import CREATE_STAGING, KNOWN, SPREAD, STAGING_COLUMNS, Row, row_of
from vt600_bus import Publisher, PublisherFull, RecordError, decode
from vt600_bus.records import Report, Uplink
from vt600_bus.topics import REPORTS

_LONGEST_DEVICE_ID = 128  # far above any real one, far below what an index takes
_PUBLISH_TIMEOUT_S = 10.0

DEFAULT_POLICY = PendingPolicy()


def read_uplink(value: bytes | None) -> Uplink:
    """The uplink, fit to be stored: PostgreSQL has no text with NUL in it, so another character stands for it."""
    if value is not None and b"\\u0000" in value:
        value = value.replace(b"\\u0000", b"\\ufffd")
    uplink = decode(Uplink, value)
    if not 0 < len(uplink.device_id) <= _LONGEST_DEVICE_ID:
        raise RecordError(f"Uplink: a device id of {len(uplink.device_id)} characters")
    report = uplink.report
    if uplink.received_at.tzinfo is None or (
        report is not None and report.device_time is not None and report.device_time.tzinfo is None
    ):
        raise RecordError("Uplink: a time without time zone")
    return uplink


async def prepare(connection: asyncpg.Connection) -> None:
    """What a connection needs once."""
    await connection.execute(CREATE_STAGING)


class Stored(NamedTuple):
    """What became of a batch: its frames, its reports, which of them are new, and what is not stored."""

    frames: int
    reports: Sequence[Report]
    fresh: Collection[tuple[str, datetime | None]]
    dropped: Dropped


async def _nothing(_stored: Stored) -> None:
    pass


Also = Callable[[Stored], Awaitable[None]]


class UplinkWriter:
    """Writes one batch: what is new is published before it is committed, and only that. Without a publisher nothing is."""

    def __init__(
        self,
        publisher: Publisher | None,
        metrics: IngestMetrics,
        policy: PendingPolicy = DEFAULT_POLICY,
        spans: StoreSpans | None = None,
    ) -> None:
        self._publisher = publisher
        self._metrics = metrics
        self._admission = Admission(policy, metrics)
        self._spans = spans or StoreSpans()

    async def write(self, connection: asyncpg.Connection, uplinks: Sequence[Uplink], *, also: Also = _nothing) -> None:
        """One transaction, in which `also` is done at the end."""
        devices = {uplink.device_id for uplink in uplinks}
        stored: Stored | None = None
        async with connection.transaction():
            known = await connection.fetch(KNOWN, devices)
            if len(known) == len(devices):
                stored = await self._store(connection, uplinks, known, {})
                await also(stored)
        if stored is None:
            # Who makes devices makes them before he locks any, and both in their order: so nobody waits in a circle.
            async with connection.transaction():
                strangers = devices.difference(row["device_id"] for row in known)
                refused = await self._admission.introduce(connection, uplinks, strangers)
                known = await connection.fetch(KNOWN, devices)
                there = {row["device_id"] for row in known}  # those too that somebody else has just made
                refused = {device_id: reason for device_id, reason in refused.items() if device_id not in there}
                stored = await self._store(connection, uplinks, known, refused)
                await also(stored)
        self._count(stored)

    async def _store(
        self,
        connection: asyncpg.Connection,
        uplinks: Sequence[Uplink],
        known: Sequence[asyncpg.Record],
        refused: Refused,
    ) -> Stored:
        """Store what is new of devices that are known and locked, and publish it."""
        pending = {row["device_id"]: row["pending_frames"] for row in known if row["state"] != "active"}
        dropped: Dropped = {}
        if pending or refused:
            uplinks, dropped = await self._admission.admit(connection, uplinks, pending, refused)
            if not uplinks:
                return Stored(0, (), frozenset(), dropped)
        newest = {row["device_id"]: row["device_time"] for row in known if row["device_time"] is not None}
        profiles = {row["device_id"]: profile_of(row["settings"]) for row in known if row["settings"] is not None}
        rows: list[Row] = []
        reports: list[Report] = []
        for uplink in uplinks:
            if uplink.report is None:
                rows.append(row_of(uplink, None))
            else:
                report = to_report(uplink, uplink.report, newest, profiles.get(uplink.device_id, DEFAULT_PROFILE))
                reports.append(report)
                rows.append(row_of(uplink, report))
        await connection.copy_records_to_table("staging", records=rows, columns=STAGING_COLUMNS)
        fresh = {(frame_id, device_time) for frame_id, device_time in await connection.fetch(SPREAD)}
        await self._publish(reports, set(fresh))
        return Stored(len(uplinks), reports, fresh, dropped)

    async def _publish(self, reports: Sequence[Report], fresh: set[tuple[str, datetime | None]]) -> None:
        """Publish the fresh ones, each once, and wait until the broker holds them."""
        if self._publisher is None:
            return
        waiting: set[asyncio.Future[None]] = set()
        for report in reports:
            key = (report.frame_id, report.device_time)
            if key in fresh:
                fresh.discard(key)
                waiting.add(await _queue(self._publisher, report, self._spans.of_frame(report.frame_id)))
        if not waiting:
            return
        done, pending = await asyncio.wait(waiting, timeout=_PUBLISH_TIMEOUT_S)
        if pending:
            raise NotPublished(pending)
        for future in done:
            future.result()

    def _count(self, stored: Stored) -> None:
        self._metrics.frames.inc(stored.frames)
        self._metrics.reports.labels("stored").inc(len(stored.fresh))
        self._metrics.reports.labels("known").inc(len(stored.reports) - len(stored.fresh))
        self._metrics.late.inc(sum(report.late for report in stored.reports))
        self._admission.note(stored.dropped)


async def _queue(publisher: Publisher, report: Report, traceparent: str | None) -> asyncio.Future[None]:
    while True:
        try:
            return publisher.publish(REPORTS, report.device_id, report, traceparent)
        except PublisherFull:
            await publisher.wait_for_room()
