"""Which frames of devices that nobody registered are stored. Everything that decides that is in this file.

Registered devices are never counted and never held back. Of the others as many are taken on as pending, and as many frames of each, as
the policy says, in the order in which they come; two processes at once may exceed a limit by a batch.

Reading the topic again leaves the same tables: what is stored already is neither dropped nor counted again. Only what was dropped may
be stored then, where there is room meanwhile: the device was adopted, pending ones were forgotten, or the policy is another one.
"""

import time
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from ipaddress import IPv6Network
from typing import Literal

import asyncpg
import structlog

from vt600_api.ingest.metrics import IngestMetrics
from vt600_api.ingest.traces import leave_traces
from vt600_bus.records import Uplink

Unregistered = Literal["adopt", "pending", "reject"]
Reason = Literal["unregistered", "too_many_pending", "too_many_of_address", "too_many_frames"]
Refused = Mapping[str, Reason]
Dropped = Mapping[Reason, Sequence[Uplink]]
Key = tuple[str, datetime, str]

_LOG_EVERY_S = 60.0

_COUNTS = """
SELECT NULL AS address, count(*) AS devices FROM fleet.devices WHERE state = 'pending'
UNION ALL
SELECT introduced_by, count(*) FROM fleet.devices WHERE state = 'pending' AND introduced_by = ANY($1::text[])
GROUP BY introduced_by
"""
_INTRODUCE = """
INSERT INTO fleet.devices (device_id, introduced_by)
SELECT device_id, address FROM unnest($1::text[], $2::text[]) AS given (device_id, address) ORDER BY device_id COLLATE "C"
ON CONFLICT DO NOTHING
"""
_ADOPT_NEW = """
INSERT INTO fleet.devices (device_id, state, adopted_at)
SELECT device_id, 'active', now() FROM unnest($1::text[]) AS given (device_id) ORDER BY device_id COLLATE "C"
ON CONFLICT DO NOTHING
"""
_ADOPT = """
UPDATE fleet.devices SET state = 'active', adopted_at = now() WHERE device_id = ANY($1::text[]) AND state = 'pending'
"""
_SEEN = """
UPDATE fleet.devices d SET last_seen_at = seen.at
FROM unnest($1::text[], $2::timestamptz[]) AS seen (device_id, at)
WHERE d.device_id = seen.device_id AND d.state = 'pending' AND d.last_seen_at < seen.at
"""
_STORED = """
SELECT f.device_id, f.received_at, encode(uuid_send(f.frame_id), 'hex') AS frame_id FROM fleet.frames f
WHERE f.device_id = ANY($1::text[]) AND f.received_at = ANY($2::timestamptz[]) AND f.frame_id = ANY($3::uuid[])
"""

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class PendingPolicy:
    """What becomes of devices that nobody registered, and how many of them, how many new ones of an address, how many frames of each."""

    unregistered: Unregistered = "pending"
    devices: int = 10_000
    per_address: int = 1_000
    frames: int = 10_000


class Admission:
    """Takes out of a batch what is not to be stored. `note` tells of it, once the batch is committed."""

    def __init__(self, policy: PendingPolicy, metrics: IngestMetrics) -> None:
        self._policy = policy
        self._metrics = metrics
        self._unlogged: Counter[Reason] = Counter()
        self._logged_at: dict[Reason, float] = {}

    async def introduce(
        self, connection: asyncpg.Connection, uplinks: Sequence[Uplink], strangers: Collection[str]
    ) -> Refused:
        """Make rows of devices that have none, as far as they are taken on; why the others are not."""
        match self._policy.unregistered:
            case "adopt":
                await connection.execute(_ADOPT_NEW, list(strangers))
                return {}
            case "reject":
                return dict.fromkeys(strangers, "unregistered")
        addresses: dict[str, str] = {}
        for uplink in uplinks:
            if uplink.device_id in strangers and uplink.device_id not in addresses:
                addresses[uplink.device_id] = address_of(uplink.peer)
        rows = await connection.fetch(_COUNTS, list(set(addresses.values())))
        refused = self._refused(addresses, Counter({row["address"]: row["devices"] for row in rows}))
        admitted = [device_id for device_id in addresses if device_id not in refused]
        if admitted:
            await connection.execute(_INTRODUCE, admitted, [addresses[device_id] for device_id in admitted])
        return refused

    async def admit(
        self, connection: asyncpg.Connection, uplinks: Sequence[Uplink], pending: Mapping[str, int], refused: Refused
    ) -> tuple[Sequence[Uplink], Dropped]:
        """What is stored of the batch and what is not. `pending` has the frames that were kept so far of each pending device."""
        rooms: dict[str, int] = {}
        match self._policy.unregistered:
            case "adopt":
                await connection.execute(_ADOPT, list(pending))
            case "reject":
                refused = {**refused, **dict.fromkeys(pending, "unregistered")}
            case "pending":
                rooms = {device_id: self._policy.frames - frames for device_id, frames in pending.items()}
        kept, dropped = _split(uplinks, refused, await _full(connection, uplinks, rooms))
        await leave_traces(connection, {reason: dropped[reason] for reason in dropped if reason != "too_many_frames"})
        await _see(connection, dropped.get("too_many_frames", ()))
        return kept, dropped

    def note(self, dropped: Dropped) -> None:
        """Count what was dropped, and say so now and then."""
        now = time.monotonic()
        for reason, uplinks in dropped.items():
            self._metrics.pending_dropped.labels(reason).inc(len(uplinks))
            self._unlogged[reason] += len(uplinks)
            if now - self._logged_at.get(reason, -_LOG_EVERY_S) >= _LOG_EVERY_S:
                self._logged_at[reason] = now
                last = uplinks[-1]
                frames = self._unlogged.pop(reason)
                log.warning("frames.dropped", reason=reason, frames=frames, device_id=last.device_id, peer=last.peer)

    def _refused(self, addresses: Mapping[str, str], counts: Counter[str | None]) -> dict[str, Reason]:
        """For whom there is no room. `counts` are the pending devices of each address, and those of all under None."""
        refused: dict[str, Reason] = {}
        for device_id, address in addresses.items():
            if counts[None] >= self._policy.devices:
                refused[device_id] = "too_many_pending"
            elif counts[address] >= self._policy.per_address:
                refused[device_id] = "too_many_of_address"
            else:
                counts.update((None, address))
        return refused


def address_of(peer: str) -> str:
    """Whose devices are counted together: an IPv4 address, or the network of 64 bits that an IPv6 customer has to himself."""
    host = peer.rpartition(":")[0] or peer
    if not host.startswith("["):
        return host
    try:
        return str(IPv6Network(f"{host.strip('[]')}/64", strict=False))
    except ValueError:
        return host


async def _full(
    connection: asyncpg.Connection, uplinks: Sequence[Uplink], rooms: Mapping[str, int]
) -> dict[str, Collection[Key]]:
    """The devices with more frames in the batch than there is room for, with those that are stored, before or now."""
    came: defaultdict[str, list[Key]] = defaultdict(list)
    for uplink in uplinks:
        if uplink.device_id in rooms:
            came[uplink.device_id].append(_key(uplink))
    full: dict[str, Collection[Key]] = {}
    for device_id, keys in came.items():
        room = rooms[device_id]
        if len(keys) <= room:
            continue
        if room <= 0:
            full[device_id] = ()
            continue
        _, times, frame_ids = zip(*keys, strict=True)
        rows = await connection.fetch(_STORED, [device_id], times, frame_ids)
        stored = {(row["device_id"], row["received_at"], row["frame_id"]) for row in rows}
        new = [key for key in dict.fromkeys(keys) if key not in stored]
        full[device_id] = stored | set(new[:room])
    return full


def _split(
    uplinks: Sequence[Uplink], refused: Refused, full: Mapping[str, Collection[Key]]
) -> tuple[list[Uplink], dict[Reason, list[Uplink]]]:
    kept: list[Uplink] = []
    dropped: defaultdict[Reason, list[Uplink]] = defaultdict(list)
    for uplink in uplinks:
        device_id = uplink.device_id
        if device_id in refused:
            dropped[refused[device_id]].append(uplink)
        elif device_id in full and _key(uplink) not in full[device_id]:
            dropped["too_many_frames"].append(uplink)
        else:
            kept.append(uplink)
    return kept, dropped


async def _see(connection: asyncpg.Connection, uplinks: Sequence[Uplink]) -> None:
    """Devices whose frames find no room are seen all the same, so that they are not forgotten while they talk."""
    if uplinks:
        seen: dict[str, datetime] = {}
        for uplink in uplinks:
            seen[uplink.device_id] = max(uplink.received_at, seen.get(uplink.device_id, uplink.received_at))
        await connection.execute(_SEEN, list(seen), list(seen.values()))


def _key(uplink: Uplink) -> Key:
    return uplink.device_id, uplink.received_at.astimezone(UTC), uplink.frame_id
