"""Going through the journal, device by device in the order of arrival, and putting right what is read differently now."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import asyncpg

from vt600_api.devices.settings import profile_of
from vt600_api.ingest.normalise import DEFAULT_PROFILE, to_report
from vt600_api.ingest.staging import CREATE_STAGING, STAGING_COLUMNS, Row, row_of
from vt600_api.redecode import store
from vt600_api.redecode.changes import Outcome, differences
from vt600_api.redecode.decoding import read_report
from vt600_bus.records import ReportFields, Uplink
from vt600_protocol import DECODER_VERSION

_NO_FRAME = "00000000-0000-0000-0000-000000000000"

Read = Callable[[bytes, str], ReportFields | None]


@dataclass(frozen=True, slots=True)
class Span:
    """Frames that arrived from `since` on and before `until`."""

    since: datetime
    until: datetime


@dataclass(slots=True)
class _Correction:
    """What is to be removed and inserted of one chunk."""

    remove: list[store.Key] = field(default_factory=list)
    insert: list[Row] = field(default_factory=list)


class Redecoder:
    """One run over a connection of its own; live ingest goes on meanwhile. With `dry_run` nothing is changed."""

    def __init__(
        self,
        connection: asyncpg.Connection,
        span: Span,
        *,
        dry_run: bool,
        stopped: Callable[[], bool] = lambda: False,
        read: Read = read_report,
    ) -> None:
        self._connection = connection
        self._span = span
        self._dry_run = dry_run
        self._stopped = stopped
        self._read = read
        self._profile = DEFAULT_PROFILE
        self.outcome = Outcome()

    async def run(self, device_id: str | None = None, *, from_device: str = "") -> str | None:
        """Go through the devices; the one where it was stopped, to be taken up `from_device`, None at the end."""
        await self._connection.execute(CREATE_STAGING)
        for device in await store.devices_with_frames(self._connection, device_id):
            if device < from_device:
                continue
            if not await self._go_through(device):
                return device
        return None

    async def _go_through(self, device_id: str) -> bool:
        """Every frame of one device; False when it was stopped on the way. Going through it again does no harm."""
        before = await store.newest_before(self._connection, device_id, self._span.since)
        self._profile = profile_of(await store.settings_of(self._connection, device_id))
        newest = {} if before is None else {device_id: before}
        added: set[str] = set()
        place = (self._span.since, _NO_FRAME)
        while frames := await store.next_frames(self._connection, device_id, self._span.until, place):
            if self._stopped():
                return False
            async with self._connection.transaction():
                if not await store.hold(self._connection, device_id):
                    return True
                await self._handle(device_id, frames, newest, added)
            place = (frames[-1]["received_at"], str(frames[-1]["frame_id"]))
        return True

    async def _handle(
        self, device_id: str, frames: Sequence[asyncpg.Record], newest: dict[str, datetime], added: set[str]
    ) -> None:
        first, last = frames[0]["received_at"], frames[-1]["received_at"]
        frame_ids = list({frame["frame_id"].hex for frame in frames})
        stored = await store.stored_reports(self._connection, device_id, frame_ids, first, last)
        correction = _Correction()
        for frame in frames:
            self.outcome.frames += 1
            known = stored.get(frame["frame_id"].hex)
            if known is None and frame["frame_id"].hex in added:
                continue
            if known is not None and known["received_at"] != frame["received_at"]:
                continue  # sent again: the report is of its first arrival
            self._compare(device_id, frame, known, newest, correction)
            added.add(frame["frame_id"].hex)
        if self._dry_run:
            return
        await store.correct(self._connection, device_id, remove=correction.remove, insert=correction.insert)
        await store.stamp(self._connection, device_id, first, last, DECODER_VERSION)
        if correction.remove or correction.insert:
            await store.renew_latest(self._connection, device_id)

    def _compare(
        self,
        device_id: str,
        frame: asyncpg.Record,
        known: asyncpg.Record | None,
        newest: dict[str, datetime],
        correction: _Correction,
    ) -> None:
        """One frame against its report, if it has one."""
        fields = self._read(frame["raw"], frame["frame_id"].hex)
        if fields is None:
            if known is not None:
                self.outcome.removed += 1
                self.outcome.unreadable += 1
                correction.remove.append((known["device_time"], frame["frame_id"].hex))
            return
        uplink = _uplink(device_id, frame)
        row = row_of(uplink, to_report(uplink, fields, newest, self._profile))
        self.outcome.reports += 1
        if known is None:
            self.outcome.added += 1
            correction.insert.append(row)
            return
        found = differences(dict(known), dict(zip(STAGING_COLUMNS, row, strict=True)))
        if found:
            self.outcome.note(found)
            correction.remove.append((known["device_time"], frame["frame_id"].hex))
            correction.insert.append(row)


def _uplink(device_id: str, frame: asyncpg.Record) -> Uplink:
    return Uplink(
        frame_id=frame["frame_id"].hex,
        device_id=device_id,
        dialect=frame["dialect"],
        transport=frame["transport"],
        peer=frame["peer"],
        listener_id=frame["listener_id"],
        session_id=frame["session_id"],
        generation=frame["generation"],
        received_at=frame["received_at"],
        kind=frame["kind"],
        code=frame["code"],
        raw=frame["raw"],
        decoder=DECODER_VERSION,
        packet_no=frame["packet_no"],
    )
