"""`python -m vt600_local run`, whole: first position, one run at a time, nothing left behind."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psutil
import pytest

from vt600_local.kafka import bring_jars
from vt600_local.ports import free_port
from vt600_local.settings import StackSettings

pytestmark = pytest.mark.servers

_START_TIMEOUT_S = 120.0


@dataclass
class Run:
    """A stack of its own folder and ports."""

    process: subprocess.Popen[str]
    environment: dict[str, str]
    output: Path

    def wait_for(self, text: str) -> str:
        """What was said so far, once the text is part of it."""
        deadline = time.monotonic() + _START_TIMEOUT_S
        while text not in (said := self.output.read_text()):
            assert self.process.poll() is None, said
            assert time.monotonic() < deadline, said
            time.sleep(0.05)
        return said

    def get(self, path: str) -> bytes:
        """The answer of the API to the key that was made."""
        key = (Path(self.environment["VT600_HOME"]) / "api-key").read_text().strip()
        url = f"http://127.0.0.1:{self.environment['API_PORT']}{path}"
        request = urllib.request.Request(url, headers={"Authorization": f"Bearer {key}"})
        with urllib.request.urlopen(request, timeout=10) as answer:  # noqa: S310
            return bytes(answer.read())


@pytest.fixture
def run(servers_folder: Path, tmp_path: Path) -> Iterator[Run]:
    own_home = servers_folder / "run"
    (own_home / "kafka").mkdir(parents=True)
    (own_home / "kafka" / "jars").symlink_to(bring_jars())
    ports = {name: str(free_port()) for name in StackSettings().ports()}
    environment = {**os.environ, **ports, "VT600_HOME": str(own_home), "VT600_FLEET": "3"}
    output = tmp_path / "output"
    with output.open("w") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "vt600_local", "run"], env=environment, stdout=out, stderr=out, text=True
        )
    yield Run(process, environment, output)
    process.kill()
    process.wait()


def test_a_run_serves_positions_and_leaves_nothing_behind(run: Run) -> None:
    run.wait_for("Ctrl-C stops all of it")
    items = json.loads(run.get("/v1/positions/latest"))["items"]
    started = psutil.Process(run.process.pid).children(recursive=True)
    second = subprocess.run(
        [sys.executable, "-m", "vt600_local", "run"], env=run.environment, capture_output=True, text=True, check=False
    )

    run.process.send_signal(signal.SIGTERM)
    exit_code = run.process.wait(60)
    said = run.output.read_text()
    _gone, alive = psutil.wait_procs(started, timeout=5)

    assert items
    assert second.returncode == 1
    assert "runs already" in second.stderr
    assert len(second.stderr.splitlines()) == 1
    assert exit_code == 0
    assert len(started) >= 7
    assert alive == []
    order = [
        said.index(f"{name} stopped")
        for name in ("the fleet", "listener", "ingest", "api", "commander", "Kafka", "PostgreSQL")
    ]
    assert order == sorted(order)
