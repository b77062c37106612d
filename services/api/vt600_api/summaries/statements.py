"""SQL that works hours out from reports, and days from hours.

What a report says holds until the next one, when that comes within half an hour; a way between two valid fixes counts within the same
limit. Both are parted at whole hours, a way in proportion to time.
"""

_VALUES = (
    "distance_m",
    "moving_s",
    "idle_s",
    "ignition_s",
    "top_speed_kmh",
    "mean_speed_kmh",
    "reports",
    "alarms",
    "first_time",
    "first_latitude",
    "first_longitude",
    "last_time",
    "last_latitude",
    "last_longitude",
)
_HOUR_VALUES = (*_VALUES, "source_at", "source_frame_id")
_TRUSTED = "device_id = $1 AND NOT flags @> '{device_time_suspect}'"
# Sums of floating point numbers depend on their order, and any order of arrival is to give the same rows.
_IN_ORDER = "ORDER BY device_time, frame_id"
# A sphere of the mean radius, as in vt600_api.trips.spans.
_LEG_M = """2 * 6371008.8 * asin(least(1, sqrt(
    sin(radians(next_latitude - latitude) / 2) ^ 2
    + cos(radians(latitude)) * cos(radians(next_latitude)) * sin(radians(next_longitude - longitude) / 2) ^ 2)))"""


def _replace(table: str, values: tuple[str, ...]) -> str:
    """Write the rows of `made` over those of $1 from $2 on and before $3, but `kept` ones; rows that are as they were are not written."""
    columns = ", ".join(("device_id", "start", *values))
    return f"""
, gone AS (
    DELETE FROM fleet.{table} WHERE device_id = $1 AND start >= $2 AND start < $3
        AND start NOT IN (SELECT start FROM made) AND start NOT IN (SELECT start FROM kept)
)
INSERT INTO fleet.{table} AS t ({columns}) SELECT $1, start, {", ".join(values)} FROM made WHERE start NOT IN (SELECT start FROM kept)
ON CONFLICT (device_id, start) DO UPDATE SET {", ".join(f"{name} = excluded.{name}" for name in values)}
WHERE ({", ".join(f"t.{name}" for name in values)}) IS DISTINCT FROM ({", ".join(f"excluded.{name}" for name in values)})
"""  # noqa: S608 - our own tables


# $4 is the longest gap, $5 to $7 are the rules' moving_kmh, still_radius_m and fastest_kmh.
REPAIR_HOURS = f"""
WITH trusted AS (
    SELECT device_time, frame_id, kind, ignition, longitude, CASE WHEN fix_valid THEN speed_kmh END AS speed_kmh,
        CASE WHEN fix_valid AND abs(latitude) <= 90 AND abs(longitude) <= 180 THEN latitude END AS latitude
    FROM fleet.reports
    WHERE {_TRUSTED} AND device_time >= $2::timestamptz - $4::interval AND device_time < $3::timestamptz + $4::interval
), spans AS (
    SELECT *, CASE WHEN next_at <= device_time + $4 THEN next_at ELSE device_time END AS until
    FROM (SELECT *, lead(device_time) OVER ({_IN_ORDER}) AS next_at FROM trusted) AS following
), pieces AS (
    SELECT *, device_time >= hour AS is_of_hour,
        extract(epoch FROM least(until, hour + interval '1 hour') - greatest(device_time, hour))::float8 AS seconds
    FROM spans, generate_series(date_trunc('hour', device_time, 'UTC'), until, interval '1 hour') AS hour
    WHERE (hour < until OR hour <= device_time) AND hour >= $2 AND hour < $3
), times AS (
    SELECT hour, min(device_time) AS source_at, (array_agg(frame_id {_IN_ORDER}))[1] AS source_frame_id,
        sum(CASE WHEN speed_kmh >= $5 THEN seconds ELSE 0 END {_IN_ORDER}) FILTER (WHERE speed_kmh IS NOT NULL) AS moving_s,
        sum(CASE WHEN ignition AND speed_kmh < $5 THEN seconds ELSE 0 END {_IN_ORDER}) FILTER (WHERE ignition IS NOT NULL) AS idle_s,
        sum(CASE WHEN ignition THEN seconds ELSE 0 END {_IN_ORDER}) FILTER (WHERE ignition IS NOT NULL) AS ignition_s,
        sum(speed_kmh * seconds {_IN_ORDER}) FILTER (WHERE speed_kmh >= $5) AS speed_seconds,
        max(speed_kmh) AS top_speed_kmh,
        count(*) FILTER (WHERE is_of_hour) AS reports,
        count(*) FILTER (WHERE is_of_hour AND kind = 'alarm') AS alarms,
        array_agg(device_time {_IN_ORDER}) FILTER (WHERE is_of_hour AND latitude IS NOT NULL) AS place_times,
        array_agg(latitude {_IN_ORDER}) FILTER (WHERE is_of_hour AND latitude IS NOT NULL) AS latitudes,
        array_agg(longitude {_IN_ORDER}) FILTER (WHERE is_of_hour AND latitude IS NOT NULL) AS longitudes
    FROM pieces GROUP BY hour
), legs AS (
    SELECT device_time, frame_id, next_at, next_speed_kmh, {_LEG_M} AS leg_m,
        greatest(extract(epoch FROM next_at - device_time)::float8, 1) AS seconds
    FROM (
        SELECT device_time, frame_id, latitude, longitude, lead(device_time) OVER follow AS next_at,
            lead(latitude) OVER follow AS next_latitude, lead(longitude) OVER follow AS next_longitude,
            lead(speed_kmh) OVER follow AS next_speed_kmh
        FROM trusted WHERE latitude IS NOT NULL WINDOW follow AS ({_IN_ORDER})
    ) AS places
    WHERE next_at <= device_time + $4
), ways AS (
    SELECT hour, min(device_time) AS source_at, (array_agg(frame_id {_IN_ORDER}))[1] AS source_frame_id,
        sum(leg_m * CASE WHEN next_at = device_time THEN 1 ELSE extract(epoch FROM
            least(next_at, hour + interval '1 hour') - greatest(device_time, hour)
        )::float8 / extract(epoch FROM next_at - device_time)::float8 END {_IN_ORDER}) FILTER (
            WHERE leg_m <= seconds * $7 / 3.6 AND (leg_m >= $6 OR next_speed_kmh IS NULL OR next_speed_kmh >= $5)
        ) AS distance_m
    FROM legs, generate_series(date_trunc('hour', device_time, 'UTC'), next_at, interval '1 hour') AS hour
    WHERE (hour < next_at OR hour <= device_time) AND hour >= $2 AND hour < $3
    GROUP BY hour
), made AS (
    SELECT hour AS start, coalesce(distance_m, CASE WHEN latitudes IS NOT NULL OR w.source_at IS NOT NULL THEN 0 END) AS distance_m,
        moving_s, idle_s, ignition_s, top_speed_kmh, speed_seconds / nullif(moving_s, 0) AS mean_speed_kmh, reports, alarms,
        place_times[1] AS first_time, latitudes[1] AS first_latitude, longitudes[1] AS first_longitude,
        place_times[cardinality(place_times)] AS last_time, latitudes[cardinality(latitudes)] AS last_latitude,
        longitudes[cardinality(longitudes)] AS last_longitude, least(w.source_at, t.source_at) AS source_at,
        CASE WHEN w.source_at < t.source_at THEN w.source_frame_id ELSE t.source_frame_id END AS source_frame_id
    FROM times t LEFT JOIN ways w USING (hour)
), kept AS (
    SELECT start FROM fleet.device_hours h
    WHERE device_id = $1 AND start >= $2 AND start < $3 AND source_frame_id IS NOT NULL AND NOT EXISTS (
        SELECT FROM fleet.reports r
        WHERE r.device_id = h.device_id AND r.device_time = h.source_at AND r.frame_id = h.source_frame_id
    )
){_replace("device_hours", _HOUR_VALUES)}"""  # noqa: S608 - our own tables
REPAIR_DAYS = f"""
WITH made AS (
    SELECT date_trunc('day', start, 'UTC') AS start, sum(distance_m ORDER BY start) AS distance_m,
        sum(moving_s ORDER BY start) AS moving_s, sum(idle_s ORDER BY start) AS idle_s,
        sum(ignition_s ORDER BY start) AS ignition_s, max(top_speed_kmh) AS top_speed_kmh,
        sum(mean_speed_kmh * moving_s ORDER BY start) / nullif(sum(moving_s ORDER BY start), 0) AS mean_speed_kmh,
        sum(reports)::bigint AS reports, sum(alarms)::bigint AS alarms,
        (array_agg(first_time ORDER BY start) FILTER (WHERE first_time IS NOT NULL))[1] AS first_time,
        (array_agg(first_latitude ORDER BY start) FILTER (WHERE first_time IS NOT NULL))[1] AS first_latitude,
        (array_agg(first_longitude ORDER BY start) FILTER (WHERE first_time IS NOT NULL))[1] AS first_longitude,
        (array_agg(last_time ORDER BY start DESC) FILTER (WHERE last_time IS NOT NULL))[1] AS last_time,
        (array_agg(last_latitude ORDER BY start DESC) FILTER (WHERE last_time IS NOT NULL))[1] AS last_latitude,
        (array_agg(last_longitude ORDER BY start DESC) FILTER (WHERE last_time IS NOT NULL))[1] AS last_longitude
    FROM fleet.device_hours WHERE device_id = $1 AND start >= $2::timestamptz AND start < $3::timestamptz GROUP BY 1
), kept AS (
    SELECT start FROM made WHERE false
){_replace("device_days", _VALUES)}"""  # noqa: S608 - our own tables
# From the first to the last moment of which there is, or was, anything to say.
BOUNDS = f"""
SELECT least((SELECT device_time FROM fleet.reports WHERE {_TRUSTED} ORDER BY device_time LIMIT 1), min(start)) AS first,
    greatest((SELECT device_time FROM fleet.reports WHERE {_TRUSTED} ORDER BY device_time DESC LIMIT 1), max(start)) AS last
FROM fleet.device_hours WHERE device_id = $1
"""  # noqa: S608 - our own tables
# Hours that were worked out from reports which are removed for good.
FORGET_SOURCES = """
UPDATE fleet.device_hours h SET source_frame_id = NULL
FROM unnest($2::timestamptz[], $3::uuid[]) AS gone (device_time, frame_id)
WHERE h.device_id = $1 AND h.source_at = gone.device_time AND h.source_frame_id = gone.frame_id
"""
