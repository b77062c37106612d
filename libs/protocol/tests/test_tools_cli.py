"""The command-line tool: what it prints, its exit codes, and one sentence for what was asked wrongly."""

import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import pytest

from vt600_protocol import COMMAND_TYPES, build_command, encode_command
from vt600_protocol.__main__ import BAD_FRAME, BAD_USAGE, GOOD, main
from vt600_protocol.tools.spelling import shown
from vt600_protocol.tools.table import value_text

LOGIN = "2424001126016100901FFF500001AD0D0A"
LOGIN_REPLY = "4040001226016100901FFF400001AF590D0A"
ALARM = (
    "2424008D143190975469FF9999033130343634312E3030302C562C303735332E353338332C4E2C30393832322E313737382C452C302E30302C302C"
    "3230303132302C2C2A31337C302E307C307C323430307C303030302C303030302C303130302C303238397C303230383030303531374446303046333638"
    "38467C30387C30303030314242367C3030BE980D0A"
)


@dataclass
class Run:
    """What one call of the tool did."""

    code: int
    out: str
    err: str

    @property
    def objects(self) -> list[dict[str, Any]]:
        """Its output as JSON, line by line."""
        return [json.loads(line) for line in self.out.splitlines()]


Tool = Callable[..., Run]


@pytest.fixture
def tool(capsys: pytest.CaptureFixture[str]) -> Tool:
    """Calls the tool with words."""

    def call(*words: str) -> Run:
        code = main(words)
        captured = capsys.readouterr()
        return Run(code, captured.out, captured.err)

    return call


def test_explain_prints_a_row_for_each_part(tool: Tool) -> None:
    run = tool("explain", LOGIN)

    assert run.code == GOOD
    assert run.out.splitlines() == [
        "login, binary from the device, device 26016100901, 17 bytes",
        "     0     2  24 24                          header          §3.1  $$  (binary, from the device)",
        "     2     2  00 11                          length          §3.1  17 bytes  (of the whole frame)",
        "     4     7  26 01 61 00 90 1F FF           identity        §3.3  26016100901",
        "    11     2  50 00                          command         §3.5  5000  (login)",
        "    13     2  01 AD                          CRC             §3.2  01AD  (right)",
        "    15     2  0D 0A                          end             §3.1  CR LF",
        "",
        "1 frame, nothing is wrong",
    ]
    assert run.err == ""


def test_explain_shows_text_as_text_and_cuts_what_is_long(tool: Tool) -> None:
    rows = tool("explain", ALARM).out.splitlines()

    assert any("104641.000,                    time UTC        §3.6  2020-01-20T10:46:41Z" in row for row in rows)
    assert any("  V,                             fix             §3.6  no  (no fix" in row for row in rows)
    assert any(
        "  03                             alarm code      §3.7  3  (input_active 3, an alarm)" in row for row in rows
    )
    assert any(",                              variation       §3.6  blank" in row for row in rows)
    assert any(row.count("…") == 1 and "rubbish" in row for row in tool("explain", "AB" * 100).out.splitlines())


def test_explain_says_what_is_wrong_and_where(tool: Tool) -> None:
    run = tool("explain", LOGIN.replace("01AD", "01AE") + "00" + "AB" + LOGIN)

    assert run.code == BAD_FRAME
    assert "  ! the CRC is 01AE and should be 01AD" in run.out
    assert "  ! 1 byte that is no frame" in run.out
    assert run.out.endswith("2 frames; something is wrong in 2 places\n")


@pytest.mark.parametrize("words", [["24:24:00:11:26:01:61:00:90:1f:ff:50:00:01:ad:0d:0a"], ["0x" + LOGIN.lower()], ["24 24 0x00", LOGIN[6:]]])  # fmt: skip
def test_hex_may_be_written_in_many_ways(tool: Tool, words: list[str]) -> None:
    assert tool("explain", *words).code == GOOD


def test_the_direction_can_be_told(tool: Tool) -> None:
    assert tool("explain", "--direction", "up", LOGIN).code == GOOD
    assert tool("explain", "--direction", "down", LOGIN).code == BAD_FRAME
    assert tool("decode", LOGIN_REPLY).objects[0]["kind"] == "login_reply"
    assert tool("decode", "--direction", "up", LOGIN_REPLY).objects[0]["reason"] == "rubbish"


def test_a_file_is_read_line_by_line(tool: Tool, tmp_path: Path) -> None:
    file = tmp_path / "frames.hex"
    file.write_text(f"# a talk\n\n{LOGIN}\n  {LOGIN_REPLY}\r\n")
    explained, decoded = tool("explain", str(file)), tool("decode", str(file))
    file.write_text(LOGIN)
    single = tool("explain", str(file))

    assert [line for line in explained.out.splitlines() if line.startswith("==")] == ["== line 3", "== line 4"]
    assert [(found["source"], found["kind"]) for found in decoded.objects] == [
        ("line 3", "login"),
        ("line 4", "login_reply"),
    ]
    assert "==" not in single.out


def test_standard_input_is_read_like_a_file(tool: Tool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(f"{LOGIN}\n{LOGIN}\n".encode())))

    assert len(tool("decode", "-").objects) == 2


def test_a_capture_is_read_stream_by_stream(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "trackers.pcap"
    file.write_bytes(bytes.fromhex("d4c3b2a1"))
    found = [("TCP 10.0.0.1:1 > 10.0.0.2:2", bytes.fromhex(LOGIN)), ("UDP", bytes.fromhex(LOGIN_REPLY))]
    monkeypatch.setattr("vt600_protocol.tools.sources.read_capture", lambda _content: found)
    run = tool("explain", str(file))

    assert run.code == GOOD
    assert run.out.startswith("== TCP 10.0.0.1:1 > 10.0.0.2:2\nlogin, binary from the device")
    assert "\n\n== UDP\nlogin reply, binary from the server" in run.out


class Terminal(io.StringIO):
    """An output that says that it is a terminal."""

    def isatty(self) -> bool:
        return True


def test_colour_is_for_terminals_that_want_it(monkeypatch: pytest.MonkeyPatch) -> None:
    screen = Terminal()
    monkeypatch.setattr("sys.stdout", screen)
    monkeypatch.delenv("NO_COLOR", raising=False)
    main(["explain", "AB"])
    coloured = screen.getvalue()
    monkeypatch.setenv("NO_COLOR", "1")
    main(["explain", "AB"])
    plain = screen.getvalue().removeprefix(coloured)

    assert "\x1b[31m  ! 1 byte that is no frame\x1b[0m" in coloured
    assert "\x1b" not in plain


def test_decode_gives_one_object_for_each_message_and_error(tool: Tool) -> None:
    run = tool("decode", ALARM + LOGIN.replace("01AD", "01AE"))
    report, error = run.objects

    assert run.code == BAD_FRAME
    assert report["kind"] == "position_report"
    assert report["device_time"] == "2020-01-20T10:46:41Z"
    assert report["cell"] == {"kind": "cell", "mcc": 520, "mnc": 5, "lac": 6111, "cell_id": 15952015}
    assert report["analog_raw"] == [0, 0, 256, 649]
    assert report["raw"] == ALARM.lower()
    assert error == {
        "kind": "error",
        "reason": "checksum",
        "detail": "the CRC is 01AE and should be 01AD",
        "dialect": "binary",
        "raw": LOGIN.replace("01AD", "01AE").lower(),
    }
    assert tool("decode", LOGIN).code == GOOD


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_encode_prints_frame_and_reply_code(tool: Tool, dialect: Literal["binary", "ascii"]) -> None:
    run = tool(
        "encode", "--dialect", dialect, "--device", "123456789012", "--packet", "A", "set_output", "output=2", "on=true"
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


def test_encode_says_when_a_position_answers_and_reads_text(tool: Tool) -> None:
    position = tool("encode", "--dialect", "binary", "--device", "1", "request_position")
    restart = tool("encode", "--dialect", "ascii", "--device", "1234", "restart", "part=gsm")

    assert "reply  9955 (not told from one that comes anyway)\n" in position.out
    assert "text   $$:11,1234,910,1" in restart.out
    assert "reply  910 with packet number :\n" in restart.out


def test_encode_lists_all_commands(tool: Tool) -> None:
    run = tool("encode", "--list")

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


def test_setup_prints_the_sms_in_order(tool: Tool) -> None:
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
    run = tool("setup", *words)

    assert run.code == GOOD
    assert run.out.splitlines() == [
        "W000000,011,internet",
        "W000000,014,00006",
        "W000000,012,track.example.org,8888",
        "W000000,013,1",
    ]


SETUP = ("setup", "--dialect", "binary", "--host", "h", "--port")
ENCODE = ("encode", "--dialect", "binary", "--device")
WRONG = [
    ((), "explain|decode|encode|setup"),
    (("fly",), "'fly'"),
    (("explain",), "HEX|FILE|-"),
    (("explain", "--direction", "left", "00"), "--direction"),
    (("explain", "xyz"), "this is not hex: it holds 'x', and no file is called so"),
    (("explain", "24", "2"), "odd number of digits, 3"),
    (("explain", ""), "it is empty"),
    (("explain", "a" * 5000 + "."), "this is not hex: it holds '.'"),
    (("explain", "\0"), "this is not hex"),
    (("explain", "00" * 65_537), "65537 bytes are too many: at most 65536"),
    (("decode", "/nowhere/at/all"), "no file is called so"),
    (("encode",), "encode needs --dialect, --device, NAME"),
    (("encode", "--dialect", "morse"), "--dialect"),
    ((*ENCODE, "1", "fly"), "NAME: no command is called 'fly'"),
    ((*ENCODE, "A", "identify"), "--device: a binary identity"),
    (("encode", "--dialect", "ascii", "--device", "1234", "--packet", "!", "identify"), "--packet: packet_no"),
    ((*ENCODE, "1", "set_interval"), "interval_s"),
    ((*ENCODE, "1", "set_interval", "interval_s=99999999"), "interval_s"),
    ((*ENCODE, "1", "set_interval", "interval_s=" + "[" * 100_000), "interval_s"),
    ((*ENCODE, "1", "set_interval", "interval_s"), "'interval_s' is not argument=value"),
    ((*ENCODE, "1", "set_interval", "interval_s=10", "interval_s=20"), "interval_s is given twice"),
    ((*SETUP, "many"), "--port"),
    ((*SETUP, "0"), "--port: port is a whole number from 1 to 65535"),
    ((*SETUP, "1", "--interval", "5"), "--interval: interval_s"),
    ((*SETUP, "1", "--heartbeat", "-1"), "--heartbeat: heartbeat_min"),
    ((*SETUP, "1", "--apn-user", "u"), "--apn-user: apn_user needs an apn"),
    ((*SETUP, "1", "--device-id", "x"), "--device-id: device_id"),
]


@pytest.mark.parametrize(("words", "sentence"), WRONG)
def test_what_is_asked_wrongly_is_answered_with_one_sentence(tool: Tool, words: tuple[str, ...], sentence: str) -> None:
    run = tool(*words)

    assert (run.code, run.out) == (BAD_USAGE, "")
    assert run.err.startswith("vt600_protocol: ")
    assert run.err.count("\n") == 1
    assert sentence in run.err


@pytest.mark.parametrize(
    ("text", "sentence"), [("# only a note\n", "no line of hex"), (f"{LOGIN}\n\n2\n", "line 3: this is not hex")]
)
def test_a_file_that_cannot_be_read_is_told_by_its_line(tool: Tool, tmp_path: Path, text: str, sentence: str) -> None:
    file = tmp_path / "frames.hex"
    file.write_text(text)
    run = tool("explain", str(file))

    assert (run.code, run.out) == (BAD_USAGE, "")
    assert sentence in run.err


def test_a_file_that_may_not_be_read_is_named(tool: Tool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    file = tmp_path / "frames.hex"
    file.touch()
    run = tool("explain", str(file))

    assert (run.code, run.out) == (BAD_USAGE, "")
    assert run.err == f"vt600_protocol: the file {file} cannot be read: Permission denied\n"


def test_a_reader_that_goes_away_is_no_mistake(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    class Gone(io.StringIO):
        def flush(self) -> None:
            raise BrokenPipeError

        def fileno(self) -> int:
            return descriptor

    with (tmp_path / "out").open("wb") as file:
        descriptor = os.dup(file.fileno())
        monkeypatch.setattr("sys.stdout", Gone())
        code = main(["explain", LOGIN])
        os.close(descriptor)

    assert code == GOOD


def test_it_runs_as_a_module(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["vt600_protocol", "decode", LOGIN])
    with pytest.raises(SystemExit) as exit_:
        runpy.run_path(str(Path(sys.modules[main.__module__].__file__ or "")), run_name="__main__")
    outside = subprocess.run(
        [sys.executable, "-m", "vt600_protocol", "explain", "zz"], capture_output=True, text=True, check=False
    )

    assert exit_.value.code == GOOD
    assert json.loads(capsys.readouterr().out)["kind"] == "login"
    assert (outside.returncode, outside.stdout) == (BAD_USAGE, "")
    assert "Traceback" not in outside.stderr


@pytest.mark.parametrize(
    ("value", "text"),
    [(None, "–"), (True, "yes"), (False, "no"), (1, "1"), (7.0, "7"), (98.36963, "98.36963"), ("a", "a")],
)
def test_values_are_words(value: str | float | None, text: str) -> None:
    assert value_text(value) == text
    assert value_text(datetime.fromisoformat("2020-01-02T03:04:05.500+00:00")) == "2020-01-02T03:04:05.500000Z"


def test_fields_of_any_kind_are_shown_as_one_value() -> None:
    assert shown(b"\xab") == "AB"
    assert shown(()) is None
    assert shown({"a": 1}) == "{'a': 1}"
