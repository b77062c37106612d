"""What the command-line tool is asked wrongly is answered with one sentence, never a traceback."""

from pathlib import Path

import pytest
from tool_runs import LOGIN, call

from vt600_protocol.__main__ import BAD_USAGE

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
def test_what_is_asked_wrongly_is_answered_with_one_sentence(
    capsys: pytest.CaptureFixture[str], words: tuple[str, ...], sentence: str
) -> None:
    run = call(capsys, *words)

    assert (run.code, run.out) == (BAD_USAGE, "")
    assert run.err.startswith("vt600_protocol: ")
    assert run.err.count("\n") == 1
    assert sentence in run.err


@pytest.mark.parametrize(
    ("text", "sentence"), [("# only a note\n", "no line of hex"), (f"{LOGIN}\n\n2\n", "line 3: this is not hex")]
)
def test_a_file_that_cannot_be_read_is_told_by_its_line(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, text: str, sentence: str
) -> None:
    file = tmp_path / "frames.hex"
    file.write_text(text)
    run = call(capsys, "explain", str(file))

    assert (run.code, run.out) == (BAD_USAGE, "")
    assert sentence in run.err


def test_a_file_that_may_not_be_read_is_named(
    capsys: pytest.CaptureFixture[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_path: Path) -> bytes:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "read_bytes", refuse)
    file = tmp_path / "frames.hex"
    file.touch()
    run = call(capsys, "explain", str(file))

    assert (run.code, run.out) == (BAD_USAGE, "")
    assert run.err == f"vt600_protocol: the file {file} cannot be read: Permission denied\n"
