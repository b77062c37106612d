"""The command-line tool: what it prints, its exit codes, and one sentence for what was asked wrongly."""

import io
import json
import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
from tool_runs import LOGIN, Run, call

from vt600_protocol.__main__ import BAD_FRAME, BAD_USAGE, GOOD, main

LOGIN_REPLY = "4040001226016100901FFF400001AF590D0A"
ALARM = (
    "2424008D143190975469FF9999033130343634312E3030302C562C303735332E353338332C4E2C30393832322E313737382C452C302E30302C302C"
    "3230303132302C2C2A31337C302E307C307C323430307C303030302C303030302C303130302C303238397C303230383030303531374446303046333638"
    "38467C30387C30303030314242367C3030BE980D0A"
)


Tool = Callable[..., Run]


@pytest.fixture
def tool(capsys: pytest.CaptureFixture[str]) -> Tool:
    """Calls the tool with words."""
    return partial(call, capsys)


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
