"""A test run that is told to end stops its servers."""

import os
import signal
import subprocess
import sys
import time
import uuid
from pathlib import Path

import pytest

pytestmark = pytest.mark.servers

_WAITS = """
import time
from pathlib import Path

def test_waits(postgres_url: str, make_database) -> None:
    Path("{told}").write_text(make_database())
    time.sleep(600)
"""


def test_a_terminated_run_stops_its_servers(servers_folder: Path) -> None:
    own = servers_folder / f"terminated-{uuid.uuid4().hex[:8]}"
    own.mkdir()
    told, suite = own / "told", own / "test_waits.py"
    suite.write_text(_WAITS.format(told=told))
    environment = {**os.environ, "TMPDIR": str(own)}
    environment.pop("VT600_TEST_DATABASE_URL", None)
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-p",
        "vt600_local.pytest_plugin",
        "--rootdir",
        str(own),
        "-q",
        str(suite),
    ]
    with (own / "output").open("w") as output:
        run = subprocess.Popen(command, cwd=own, env=environment, stdout=output, stderr=output)
    deadline = time.monotonic() + 60
    while not told.exists() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.05)

    run.send_signal(signal.SIGTERM)
    exit_code = run.wait(30)
    said = (own / "output").read_text()

    assert exit_code == int(pytest.ExitCode.INTERRUPTED), said
    assert "store under test: PostgreSQL" in said
    assert list(own.glob("vt600-test-*")) == []
    servers = [name for name in Path("/proc").glob("[0-9]*/cmdline") if str(own).encode() in _command(name)]
    assert servers == []


def _command(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""
