"""The latest position of one device worked out from all its reports, as ingest keeps it moving."""

from vt600_api.ingest.staging import MEASURED, REPORT_COLUMNS

_SAID = ("received_at", "frame_id", "dialect", *(name for name in REPORT_COLUMNS if name not in MEASURED))
_PLAUSIBLE = "device_id = $1 AND NOT flags @> '{device_time_suspect}'"
_ORDER = "device_time DESC, received_at DESC, frame_id DESC"

REPLACE_LATEST = f"""
WITH newest AS (
    SELECT * FROM fleet.reports WHERE {_PLAUSIBLE} ORDER BY {_ORDER} LIMIT 1
), fix AS (
    SELECT device_time AS fix_time, {", ".join(MEASURED)} FROM fleet.reports
    WHERE {_PLAUSIBLE} AND fix_valid AND latitude IS NOT NULL AND longitude IS NOT NULL ORDER BY {_ORDER} LIMIT 1
), gone AS (
    DELETE FROM fleet.latest_positions WHERE device_id = $1 AND NOT EXISTS (SELECT 1 FROM newest)
)
INSERT INTO fleet.latest_positions (device_id, {", ".join(_SAID)}, fix_time, {", ".join(MEASURED)})
SELECT newest.device_id, {", ".join(f"newest.{name}" for name in _SAID)}, fix.fix_time,
    {", ".join(f"fix.{name}" for name in MEASURED)}
FROM newest LEFT JOIN fix ON true
ON CONFLICT (device_id) DO UPDATE SET
    {", ".join(f"{name} = excluded.{name}" for name in (*_SAID, "fix_time", *MEASURED))}
"""  # noqa: S608 - our own columns
