"""An uplink's report in common words: when it was, what is odd about it, volts, ignition, lateness. Pure.

Everything that depends on how a device is wired is here and not in the decoder, so that history can be read again with other
settings.
"""

from datetime import UTC, datetime, timedelta

from msgspec import structs

from vt600_bus.records import Dialect, Report, ReportFields, Uplink
from vt600_protocol import DeviceProfile

TIME_MISSING = "device_time_missing"
TIME_SUSPECT = "device_time_suspect"
TIME_ROLLED_OVER = "gps_week_rollover"
OUT_OF_RANGE = "value_out_of_range"

_OLDEST_PLAUSIBLE = datetime(2005, 1, 1, tzinfo=UTC)
_FURTHEST_AHEAD = timedelta(hours=24)
_WEEKS_ROLLED = timedelta(weeks=1024)  # the GPS counts weeks to 1,024 and begins again
_OLDEST_ROLLED = timedelta(days=40)
_ROLLED_AGE = timedelta(days=15 * 365)
_LOGGED = "logged"

DEFAULT_PROFILE = DeviceProfile()
_INT4 = 1 << 31
_INT8 = 1 << 63
_INT4_FIELDS = ("event_code", "satellites", "mcc", "mnc", "lac", "csq", "inputs", "outputs", "status")
_INT8_FIELDS = ("odometer_m", "cell_id")


def to_report(
    uplink: Uplink, fields: ReportFields, newest: dict[str, datetime], profile: DeviceProfile = DEFAULT_PROFILE
) -> Report:
    """The report as it will be stored. `newest` is the newest plausible device time per device; it is moved on."""
    flags: tuple[str, ...] = ()
    if not _fits(fields):
        fields = _bounded(fields)
        flags = (OUT_OF_RANGE,)
    received_at = uplink.received_at
    device_time = fields.device_time
    if device_time is None:
        device_time = received_at
        flags = (*flags, TIME_MISSING)
    else:
        if fields.event == _LOGGED:
            device_time = profile.log_time(device_time)
        if received_at - device_time > _ROLLED_AGE and _is_rolled_over(device_time, received_at):
            device_time += _WEEKS_ROLLED
            flags = (*flags, TIME_ROLLED_OVER)
    suspect = device_time < _OLDEST_PLAUSIBLE or device_time - received_at > _FURTHEST_AHEAD
    if suspect:
        flags = (*flags, TIME_SUSPECT)
    device_id = uplink.device_id
    known = newest.get(device_id)
    if not suspect and (known is None or device_time > known):
        newest[device_id] = device_time
    external_v, battery_v = _volts(uplink.dialect, fields, profile)
    inputs = fields.inputs
    return Report(
        frame_id=uplink.frame_id,
        device_id=device_id,
        dialect=uplink.dialect,
        received_at=received_at,
        late=fields.stored is True or (known is not None and device_time < known),
        ignition=profile.ignition(uplink.dialect, inputs),
        flags=flags,
        kind=fields.kind,
        event=fields.event,
        event_code=fields.event_code,
        event_data=fields.event_data,
        device_time=device_time,
        fix_valid=fields.fix_valid,
        latitude=fields.latitude,
        longitude=fields.longitude,
        speed_kmh=fields.speed_kmh,
        course_deg=fields.course_deg,
        altitude_m=fields.altitude_m,
        hdop=fields.hdop,
        satellites=fields.satellites,
        odometer_m=fields.odometer_m,
        mcc=fields.mcc,
        mnc=fields.mnc,
        lac=fields.lac,
        cell_id=fields.cell_id,
        csq=fields.csq,
        inputs=inputs,
        outputs=fields.outputs,
        status=fields.status,
        external_power=fields.external_power,
        external_v=external_v,
        battery_v=battery_v,
        analog_raw=fields.analog_raw,
        stored=fields.stored,
        extras=fields.extras,
    )


def _is_rolled_over(device_time: datetime, received_at: datetime) -> bool:
    """Whether the time is what it should be 1,024 weeks later (SPEC §5)."""
    corrected = device_time + _WEEKS_ROLLED
    return received_at - _OLDEST_ROLLED <= corrected <= received_at + _FURTHEST_AHEAD


def _volts(dialect: Dialect, fields: ReportFields, profile: DeviceProfile) -> tuple[float | None, float | None]:
    """External supply and battery; binary units send them unscaled (SPEC §3.6)."""
    if dialect == "binary" and fields.external_v is None:
        return profile.volts(fields.analog_raw)
    return fields.external_v, fields.battery_v


def _fits(fields: ReportFields) -> bool:
    """Whether every whole number fits its column. Written out: it runs for every report."""
    raw = fields.analog_raw
    return (
        -_INT4 <= (fields.event_code or 0) < _INT4
        and -_INT4 <= (fields.satellites or 0) < _INT4
        and -_INT4 <= (fields.mcc or 0) < _INT4
        and -_INT4 <= (fields.mnc or 0) < _INT4
        and -_INT4 <= (fields.lac or 0) < _INT4
        and -_INT4 <= (fields.csq or 0) < _INT4
        and -_INT4 <= (fields.inputs or 0) < _INT4
        and -_INT4 <= (fields.outputs or 0) < _INT4
        and -_INT4 <= (fields.status or 0) < _INT4
        and -_INT8 <= (fields.odometer_m or 0) < _INT8
        and -_INT8 <= (fields.cell_id or 0) < _INT8
        and (not raw or (min(raw) >= -_INT4 and max(raw) < _INT4))
    )


def _bounded(fields: ReportFields) -> ReportFields:
    """The same without the numbers that no column can hold; the frame's bytes keep them."""
    misfits: dict[str, object] = {}
    for names, bound in ((_INT4_FIELDS, _INT4), (_INT8_FIELDS, _INT8)):
        for name in names:
            value = getattr(fields, name)
            if value is not None and not -bound <= value < bound:
                misfits[name] = None
    if not all(-_INT4 <= value < _INT4 for value in fields.analog_raw):
        misfits["analog_raw"] = ()
    return structs.replace(fields, **misfits)
