"""How each dialect is told a setting, and how it is asked for it (SPEC §3.10, §4.7). No clock and no store."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from vt600_protocol import (
    CommandError,
    CommandReply,
    Dialect,
    IntervalSetting,
    Parameters,
    build_command,
    command_type,
    decode_datagram,
    encode_command,
)
from vt600_protocol.commands.base import arguments_of

Step = tuple[str, Mapping[str, Any]]
"""A command: its type and arguments."""


class Way(NamedTuple):
    """A command that tells settings. `takes`: its arguments, in their order, are settings, or parts of one as `setting.part`.

    `needs`: settings that can be told only together with others. `read` is the query that is answered with these arguments.
    """

    command: str
    takes: Mapping[str, str]
    needs: Mapping[str, Sequence[str]] = {}
    read: Step | None = None


_SERVER = {"mode": "server.transport", "host": "server.host", "port": "server.port"}
_APN = {"apn": "apn.name", "user": "apn.user", "password": "apn.password"}
_BOTH = (
    Way("set_distance_report", {"distance_m": "report_distance_m"}),
    Way("set_heading_report", {"angle_deg": "report_heading_deg"}),
    Way("set_heartbeat", {"interval_min": "heartbeat_min"}),
    Way("set_log_interval", {"interval_s": "log_interval_s"}),
    Way("set_speed_limit", {"speed_kmh": "speed_limit_kmh"}),
    Way("set_vibration_sensitivity", {"sensitivity": "vibration_sensitivity"}),
)
WAYS: Mapping[Dialect, Sequence[Way]] = {
    "binary": (
        *_BOTH,
        Way("set_interval", {"interval_s": "report_interval_s"}, read=("read_interval", {})),
        Way("set_movement_alarm", {"radius_m": "movement_alarm_m"}),
        Way("set_antenna_alarm", {"enabled": "antenna_alarm"}),
        Way("set_power_down", {"after_min": "power_down_min"}),
        # Without an access point the unit may lose the one that it has, and itself.
        Way("set_gprs", {**_SERVER, **_APN}, {"server": ("apn",), "apn": ("server",)}),
    ),
    "ascii": (
        *_BOTH,
        Way(
            "set_interval",
            {
                "interval_s": "report_interval_s",
                "ignition_off_s": "ignition_off_interval_s",
                "stopped_s": "stopped_interval_s",
            },
            {
                "ignition_off_interval_s": ("report_interval_s",),
                "stopped_interval_s": ("report_interval_s", "ignition_off_interval_s"),
            },
            ("read_parameters", {"code": 102}),
        ),
        Way("set_confirmed_upload", {"confirmed": "confirmed_upload"}),
        Way("set_upload_order", {"order": "upload_order"}),
        Way("set_low_speed", {"speed_kmh": "low_speed_kmh"}),
        Way("set_idling", {"after_min": "idling_min"}),
        Way("set_harsh_acceleration", {"threshold_mg": "harsh_acceleration_mg"}),
        Way("set_harsh_braking", {"threshold_mg": "harsh_braking_mg"}),
        Way("set_server", _SERVER, read=("read_parameters", {"code": 100})),
        Way("set_apn", _APN, read=("read_parameters", {"code": 109})),
    ),
}


DANGEROUS = frozenset(("server", "apn"))
"""Whose commands need the scope `send:commands:dangerous`."""


class Said(NamedTuple):
    """What is sent to tell a setting, and what to ask for it, None when nothing can be asked."""

    tell: Step
    ask: Step | None


def say(device_id: str, dialect: Dialect, setting: str, desired: Mapping[str, Any]) -> Said | str:
    """How the device is told the setting, given all that are desired, or why it cannot be told."""
    way = _way(dialect, setting)
    if way is None:
        return f"the {dialect} dialect has no command for it"
    if missing := [name for name in way.needs.get(setting, ()) if name not in desired]:
        return f"the {dialect} dialect tells it together with {' and '.join(missing)}"
    args = {
        argument: _value(source, desired)
        for argument, source in way.takes.items()
        if _can_be_told(way, source, desired)
    }
    try:
        encode_command(build_command(way.command, args), device_id=device_id, dialect=dialect)
    except CommandError as error:
        return str(error)
    return Said((way.command, args), way.read)


def _way(dialect: Dialect, setting: str) -> Way | None:
    return next((way for way in WAYS[dialect] if setting in map(_setting, way.takes.values())), None)


def _setting(source: str) -> str:
    return source.partition(".")[0]


def _can_be_told(way: Way, source: str, desired: Mapping[str, Any]) -> bool:
    name = _setting(source)
    return name in desired and all(needed in desired for needed in way.needs.get(name, ()))


def _value(source: str, desired: Mapping[str, Any]) -> Any:  # noqa: ANN401 - whatever JSON has
    name, _, part = source.partition(".")
    return desired[name][part] if part else desired[name]


class ReadBack(NamedTuple):
    """What the device said of a setting, as far as it said it, and whether that is what is desired."""

    value: Any
    agrees: bool


def read_back(dialect: Dialect, setting: str, desired: Mapping[str, Any], reply: bytes | None) -> ReadBack | None:
    """What the device's answer says of the setting; None when it says nothing that is laid out as in the SPEC."""
    way = _way(dialect, setting)
    if way is None or reply is None:
        return None
    told = {
        source: value
        for argument, value in _told(way, reply).items()
        if _setting(source := way.takes[argument]) == setting
    }
    if not told:
        return None
    agrees = all(value == _value(source, desired) for source, value in told.items())
    if setting in told:
        return ReadBack(told[setting], agrees)
    return ReadBack({source.partition(".")[2]: value for source, value in told.items()}, agrees)


def _told(way: Way, reply: bytes) -> dict[str, Any]:
    """The arguments in the reply. A unit may leave out the last ones."""
    messages = decode_datagram(reply).messages
    values = messages[0].values if messages and isinstance(messages[0], CommandReply) else None
    if isinstance(values, IntervalSetting):
        return {"interval_s": values.interval_s}
    if not isinstance(values, Parameters) or way.read is None or values.code != str(way.read[1]["code"]):
        return {}
    kinds = arguments_of(command_type(way.command).command)
    return {name: kinds[name].value(text) for name, text in zip(way.takes, values.values, strict=False)}
