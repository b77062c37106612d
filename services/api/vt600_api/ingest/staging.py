"""One staging table per connection, the row of an uplink in it, and the one statement that spreads it over the store's tables."""

import msgspec

from vt600_bus.records import Report, Uplink

_encode = msgspec.json.Encoder().encode

# staging column → column of fleet.frames; every uplink has these
FRAME_COLUMNS = {
    "device_id": "device_id",
    "received_at": "received_at",
    "frame_id": "frame_id",
    "dialect": "dialect",
    "transport": "transport",
    "peer": "peer",
    "listener_id": "listener_id",
    "session_id": "session_id",
    "generation": "generation",
    "frame_kind": "kind",
    "code": "code",
    "packet_no": "packet_no",
    "decoder": "decoder",
    "raw": "raw",
    "details": "details",
}
_SHARED = ("device_id", "received_at", "frame_id", "dialect")
# what only a report has; `device_time` is null in the row of an uplink without one
_SAID = ("device_time", "kind", "event", "event_code", "event_data", "fix_valid")
MEASURED = ("latitude", "longitude", "speed_kmh", "course_deg", "altitude_m", "hdop", "satellites")
_TELEMETRY = (
    "odometer_m",
    "mcc",
    "mnc",
    "lac",
    "cell_id",
    "csq",
    "inputs",
    "outputs",
    "status",
    "external_power",
    "external_v",
    "battery_v",
    "analog_raw",
    "stored",
    "ignition",
    "late",
    "flags",
    "extras",
)
REPORT_COLUMNS = (*_SAID, *MEASURED, *_TELEMETRY)
STAGING_COLUMNS = (*FRAME_COLUMNS, *REPORT_COLUMNS)
_NO_REPORT = (None,) * len(REPORT_COLUMNS)

Row = tuple[object, ...]


def row_of(uplink: Uplink, report: Report | None) -> Row:
    """The values of STAGING_COLUMNS."""
    frame = (
        uplink.device_id,
        uplink.received_at,
        uplink.frame_id,
        uplink.dialect,
        uplink.transport,
        uplink.peer,
        uplink.listener_id,
        uplink.session_id,
        uplink.generation,
        uplink.kind,
        uplink.code,
        uplink.packet_no,
        uplink.decoder,
        uplink.raw,
        None if uplink.details is None else _encode(uplink.details).decode(),
    )
    if report is None:
        return frame + _NO_REPORT
    return (
        *frame,
        report.device_time,
        report.kind,
        report.event,
        report.event_code,
        report.event_data,
        report.fix_valid,
        report.latitude,
        report.longitude,
        report.speed_kmh,
        report.course_deg,
        report.altitude_m,
        report.hdop,
        report.satellites,
        report.odometer_m,
        report.mcc,
        report.mnc,
        report.lac,
        report.cell_id,
        report.csq,
        report.inputs,
        report.outputs,
        report.status,
        report.external_power,
        report.external_v,
        report.battery_v,
        report.analog_raw,
        report.stored,
        report.ignition,
        report.late,
        report.flags,
        None if report.extras is None else _encode(report.extras).decode(),
    )


def _create() -> str:
    frame = ", ".join(f"f.{column} AS {name}" for name, column in FRAME_COLUMNS.items())
    report = ", ".join(f"r.{name}" for name in REPORT_COLUMNS)
    columns = f"{frame}, {report}"
    source = "fleet.frames f, fleet.reports r"
    return f"CREATE TEMPORARY TABLE staging ON COMMIT DELETE ROWS AS SELECT {columns} FROM {source} WITH NO DATA"  # noqa: S608 - our own columns


def _latest(prefix: str, names: tuple[str, ...], condition: str) -> str:
    return ", ".join(f"{name} = CASE WHEN {condition} THEN {prefix}.{name} ELSE l.{name} END" for name in names)


def _spread() -> str:
    report_columns = ", ".join((*_SHARED, *REPORT_COLUMNS))
    said = (*_SHARED[1:], *_SAID, *_TELEMETRY)
    newest_columns = ", ".join(f"newest.{name}" for name in said)
    measured = ", ".join(MEASURED)
    moves = (
        "(excluded.device_time, excluded.received_at, excluded.frame_id) > (l.device_time, l.received_at, l.frame_id)"
    )
    fix_moves = "(excluded.fix_time IS NOT NULL AND (l.fix_time IS NULL OR excluded.fix_time >= l.fix_time))"
    order = "device_id, device_time DESC, received_at DESC, frame_id DESC"
    return f"""
WITH fresh AS (
    INSERT INTO fleet.reports ({report_columns})
    SELECT {report_columns} FROM staging WHERE device_time IS NOT NULL
    ON CONFLICT DO NOTHING
    RETURNING {report_columns}
), journal AS (
    INSERT INTO fleet.frames ({", ".join(FRAME_COLUMNS.values())})
    SELECT {", ".join(FRAME_COLUMNS)} FROM staging
    ON CONFLICT DO NOTHING
    RETURNING device_id
), seen AS (
    INSERT INTO fleet.devices AS d (device_id, dialect, first_seen_at, last_seen_at, pending_frames)
    SELECT device_id, max(dialect), min(received_at), max(received_at), coalesce(max(kept.frames), 0)
    FROM staging LEFT JOIN (SELECT device_id, count(*) AS frames FROM journal GROUP BY device_id) kept USING (device_id)
    GROUP BY device_id ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE SET
        dialect = excluded.dialect,
        first_seen_at = least(d.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(d.last_seen_at, excluded.last_seen_at),
        pending_frames = d.pending_frames + CASE d.state WHEN 'pending' THEN excluded.pending_frames ELSE 0 END
    WHERE d.last_seen_at IS NULL OR excluded.last_seen_at > d.last_seen_at OR excluded.first_seen_at < d.first_seen_at
        OR (d.state = 'pending' AND excluded.pending_frames > 0)
), plausible AS (
    SELECT * FROM fresh WHERE NOT flags @> '{{device_time_suspect}}'
), latest AS (
    INSERT INTO fleet.latest_positions AS l (device_id, {", ".join(said)}, fix_time, {measured})
    SELECT newest.device_id, {newest_columns}, fix.fix_time, {", ".join(f"fix.{name}" for name in MEASURED)}
    FROM (SELECT DISTINCT ON (device_id) * FROM plausible ORDER BY {order}) newest
    LEFT JOIN (
        SELECT DISTINCT ON (device_id) device_id, device_time AS fix_time, {measured} FROM plausible
        WHERE fix_valid AND latitude IS NOT NULL AND longitude IS NOT NULL ORDER BY {order}
    ) fix ON fix.device_id = newest.device_id
    ORDER BY newest.device_id
    ON CONFLICT (device_id) DO UPDATE SET
        {_latest("excluded", said, moves)},
        {_latest("excluded", ("fix_time", *MEASURED), fix_moves)}
    WHERE {moves} OR {fix_moves}
), marked AS (
    INSERT INTO fleet.trip_work AS w (device_id, since, until)
    SELECT device_id, min(device_time), max(device_time) FROM plausible GROUP BY device_id ORDER BY device_id
    ON CONFLICT (device_id) DO UPDATE SET since = least(w.since, excluded.since), until = greatest(w.until, excluded.until)
)
SELECT encode(uuid_send(frame_id), 'hex') AS frame_id, device_time FROM fresh
"""  # noqa: S608 - our own columns


CREATE_STAGING = _create()
# Locked in the order in which everybody locks devices, so that none is forgotten or adopted while its frames are stored.
KNOWN = """
SELECT d.device_id, d.state, d.pending_frames, l.device_time, nullif(d.settings, '{}')::text AS settings
FROM fleet.devices d LEFT JOIN fleet.latest_positions l USING (device_id) WHERE d.device_id = ANY($1::text[])
ORDER BY d.device_id FOR NO KEY UPDATE OF d
"""
SPREAD = _spread()
