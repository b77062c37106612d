"""Settings in common words → commands of a dialect, and what their ends mean."""

from datetime import timedelta
from typing import Any

import pytest

from vt600_api.commands.danger import is_dangerous
from vt600_api.desired.rules import Verdict, after_asking, after_telling, pause
from vt600_api.desired.schemas import DesiredSettings
from vt600_api.desired.ways import DANGEROUS, WAYS, ReadBack, Said, read_back, say
from vt600_protocol import Answer, CommandFrame, Dialect, IntervalSetting, Parameters, build_command, encode_reply
from vt600_protocol.server import encode_command

BINARY, ASCII = "12345678901234", "860000000000001"
DEVICES: dict[Dialect, str] = {"binary": BINARY, "ascii": ASCII}
SERVER = {"transport": "udp", "host": "gps.example", "port": 8888}
APN = {"name": "internet", "user": "", "password": "secret"}
LOWEST: dict[str, Any] = {
    "confirmed_upload": False,
    "upload_order": "live_first",
    "antenna_alarm": True,
    "vibration_sensitivity": 3,
    "server": SERVER,
    "apn": APN,
}
ALL = {name: LOWEST.get(name, 0) for name in DesiredSettings.model_fields}


def reply(dialect: Dialect, command: str, answer: Answer, **args: Any) -> bytes:
    """The frame with which a device answers."""
    made = build_command(command, args)
    sent = encode_command(made, device_id=DEVICES[dialect], dialect=dialect)
    frame = CommandFrame(
        dialect=dialect,
        device_id=DEVICES[dialect],
        code=sent.code,
        packet_no=sent.packet_no,
        raw=b"",
        content=b"",
        command=made,
    )
    return encode_reply(frame, answer)


def parameters(code: int, *values: str) -> bytes:
    return reply("ascii", "read_parameters", Answer(values=Parameters(code=str(code), values=values)), code=code)


@pytest.mark.parametrize(
    ("dialect", "setting", "command"),
    [
        ("binary", "report_interval_s", ("set_interval", {"interval_s": 0})),
        ("ascii", "report_interval_s", ("set_interval", {"interval_s": 0, "ignition_off_s": 0, "stopped_s": 0})),
        ("ascii", "stopped_interval_s", ("set_interval", {"interval_s": 0, "ignition_off_s": 0, "stopped_s": 0})),
        ("ascii", "server", ("set_server", {"mode": "udp", "host": "gps.example", "port": 8888})),
        ("ascii", "apn", ("set_apn", {"apn": "internet", "user": "", "password": "secret"})),
        (
            "binary",
            "apn",
            (
                "set_gprs",
                {
                    "mode": "udp",
                    "host": "gps.example",
                    "port": 8888,
                    "apn": "internet",
                    "user": "",
                    "password": "secret",
                },
            ),
        ),
    ],
)
def test_a_setting_is_told_in_the_device_s_dialect(dialect: Dialect, setting: str, command: Any) -> None:
    said = say(DEVICES[dialect], dialect, setting, ALL)

    assert isinstance(said, Said)
    assert said.tell == command


def test_every_setting_can_be_told_in_one_dialect_at_least_and_none_in_two_ways() -> None:
    for name in ALL:
        assert any(isinstance(say(DEVICES[dialect], dialect, name, ALL), Said) for dialect in DEVICES), name
    for ways in WAYS.values():
        told = [source for way in ways for source in way.takes.values()]

        assert len(told) == len(set(told))


@pytest.mark.parametrize(
    ("dialect", "setting", "desired", "why"),
    [
        (
            "binary",
            "ignition_off_interval_s",
            {"ignition_off_interval_s": 60},
            "the binary dialect has no command for it",
        ),
        ("ascii", "power_down_min", {"power_down_min": 5}, "the ascii dialect has no command for it"),
        (
            "binary",
            "report_interval_s",
            {"report_interval_s": 15},
            "interval_s is a multiple of 10 in the binary dialect",
        ),
        (
            "ascii",
            "report_interval_s",
            {"report_interval_s": 65_536},
            "interval_s is from 0 to 65535 in the ASCII dialect",
        ),
        ("binary", "server", {"server": SERVER}, "the binary dialect tells it together with apn"),
        (
            "ascii",
            "stopped_interval_s",
            {"report_interval_s": 9, "stopped_interval_s": 9},
            "the ascii dialect tells it together with ignition_off_interval_s",
        ),
    ],
)
def test_what_a_dialect_cannot_be_told_has_a_reason(
    dialect: Dialect, setting: str, desired: dict[str, Any], why: str
) -> None:
    assert say(DEVICES[dialect], dialect, setting, desired) == why


def test_what_is_not_desired_or_cannot_be_told_is_not_in_the_command() -> None:
    alone = say(ASCII, "ascii", "report_interval_s", {"report_interval_s": 60, "stopped_interval_s": 9})

    assert alone == Said(("set_interval", {"interval_s": 60}), ("read_parameters", {"code": 102}))


def test_dangerous_settings_are_those_of_dangerous_commands() -> None:
    dangerous = set()
    for dialect, device_id in DEVICES.items():
        for name in ALL:
            said = say(device_id, dialect, name, ALL)
            if isinstance(said, Said) and is_dangerous(build_command(*said.tell)):
                dangerous.add(name)

    assert dangerous == DANGEROUS


@pytest.mark.parametrize(
    ("dialect", "setting", "answer", "found"),
    [
        (
            "binary",
            "report_interval_s",
            reply("binary", "read_interval", Answer(values=IntervalSetting(interval_s=60))),
            ReadBack(60, agrees=True),
        ),
        ("ascii", "report_interval_s", parameters(102, "60", "900"), ReadBack(60, agrees=True)),
        ("ascii", "ignition_off_interval_s", parameters(102, "60", "900"), ReadBack(900, agrees=False)),
        ("ascii", "stopped_interval_s", parameters(102, "60", "900"), None),
        ("ascii", "report_interval_s", parameters(106, "60"), None),
        (
            "ascii",
            "report_interval_s",
            reply("ascii", "read_parameters", Answer(ok=False, reason="Failed"), code=102),
            None,
        ),
        ("ascii", "report_interval_s", None, None),
        ("ascii", "server", parameters(100, "2", "gps.example", "8888"), ReadBack(SERVER, agrees=True)),
        (
            "ascii",
            "server",
            parameters(100, "1", "gps.example", "8888"),
            ReadBack({**SERVER, "transport": "tcp"}, agrees=False),
        ),
        ("ascii", "apn", parameters(109, "internet", ""), ReadBack({"name": "internet", "user": ""}, agrees=True)),
    ],
)
def test_a_read_back_says_no_more_than_the_device_did(
    dialect: Dialect, setting: str, answer: bytes | None, found: ReadBack | None
) -> None:
    desired = {
        "report_interval_s": 60,
        "ignition_off_interval_s": 600,
        "stopped_interval_s": 600,
        "server": SERVER,
        "apn": APN,
    }

    assert read_back(dialect, setting, desired, answer) == found


@pytest.mark.parametrize(
    ("state", "reason", "verdict"),
    [
        ("acknowledged", None, Verdict("in_sync", "read", confirmed_by="answer")),
        ("failed", "Failed", Verdict("refused", reason="Failed")),
        ("failed", "Unsupport", Verdict("not_supported", reason="Unsupport")),
        ("expired", "no_link_in_time", Verdict("pending", "set", "no_link_in_time", paused=True)),
        ("unknown", "no_answer", Verdict("pending", "set", "no_answer", paused=True)),
        ("cancelled", None, Verdict("pending", "set", "cancelled", paused=True)),
    ],
)
def test_what_the_end_of_a_command_means(state: str, reason: str | None, verdict: Verdict) -> None:
    assert after_telling(state, reason, can_be_asked=True) == verdict


def test_without_a_query_an_answer_is_all_there_is() -> None:
    assert after_telling("acknowledged", None, can_be_asked=False) == Verdict("in_sync", confirmed_by="answer")
    assert after_asking(None) == Verdict("in_sync", confirmed_by="answer")


def test_pauses_grow_up_to_a_limit() -> None:
    minute = timedelta(minutes=1)

    assert [pause(attempts) / minute for attempts in (1, 2, 3, 9, 1000)] == [1, 2, 4, 256, 360]
