"""Frames of commands and the SMS of a setup at the command line."""

from typing import Literal

import pytest
from tool_runs import call

from vt600_protocol import COMMAND_TYPES, build_command, encode_command
from vt600_protocol.__main__ import GOOD


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_encode_prints_frame_and_reply_code(
    capsys: pytest.CaptureFixture[str], dialect: Literal["binary", "ascii"]
) -> None:
    run = call(
        capsys,
        "encode",
        "--dialect",
        dialect,
        "--device",
        "123456789012",
        "--packet",
        "A",
        "set_output",
        "output=2",
        "on=true",
    )
    encoded = encode_command(
        build_command("set_output", {"output": 2, "on": True}), device_id="123456789012", dialect=dialect, packet_no="A"
    )
    lines = dict(line.split(maxsplit=1) for line in run.out.splitlines())

    assert run.code == GOOD
    assert lines["hex"] == encoded.payload.hex().upper()
    assert lines["code"] == encoded.code
    assert lines["reply"].split()[0] == encoded.reply_code
    assert ("text" in lines) == (dialect == "ascii")


def test_encode_says_when_a_position_answers_and_reads_text(capsys: pytest.CaptureFixture[str]) -> None:
    position = call(capsys, "encode", "--dialect", "binary", "--device", "1", "request_position")
    restart = call(capsys, "encode", "--dialect", "ascii", "--device", "1234", "restart", "part=gsm")

    assert "reply  9955 (not told from one that comes anyway)\n" in position.out
    assert "text   $$:11,1234,910,1" in restart.out
    assert "reply  910 with packet number :\n" in restart.out


def test_encode_lists_all_commands(capsys: pytest.CaptureFixture[str]) -> None:
    run = call(capsys, "encode", "--list")

    assert run.code == GOOD
    lines = run.out.splitlines()
    names = [line.split()[0] for line in lines if not line.startswith(" ")]
    assert names == [entry.name for entry in COMMAND_TYPES]
    at = lines.index("set_output (actuating; binary 4114/5114/4115, ascii 900)")
    assert lines[at + 1 : at + 3] == ["    output=1…16", "    on=true|false"]
    assert '    part=gsm|gps|device, else "gps"' in lines
    assert "    safe_speed_kmh=1…255, may be left out" in lines
    assert "    pin=text of 4–8 characters" in lines
    assert "    cameras=[1…9, …], may be left out" in lines


def test_setup_prints_the_sms_in_order(capsys: pytest.CaptureFixture[str]) -> None:
    words = (
        "--dialect",
        "binary",
        "--host",
        "track.example.org",
        "--port",
        "8888",
        "--apn",
        "internet",
        "--interval",
        "60",
    )
    run = call(capsys, "setup", *words)

    assert run.code == GOOD
    assert run.out.splitlines() == [
        "W000000,011,internet",
        "W000000,014,00006",
        "W000000,012,track.example.org,8888",
        "W000000,013,1",
    ]
