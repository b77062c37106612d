"""`make run` from a clone to the first position readable: cold (an environment to be made), then warm."""

import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

from tests.load.bench import figure

from vt600_local.home import CHECKOUT

_READY = "first position"
_LIMIT_S = 600.0


def run() -> None:
    folder = Path(tempfile.mkdtemp(prefix="vt600-clone-"))
    folder.chmod(0o755)
    clone = folder / "clone"
    try:
        subprocess.run(["git", "clone", "-q", str(CHECKOUT), str(clone)], check=True)
        figure("make run, cold: seconds to the first position", f"{_seconds(clone):.1f} s", "≤ 180 s")
        figure("make run, warm: seconds to the first position", f"{_seconds(clone):.1f} s", "≤ 20 s")
    finally:
        subprocess.run(["make", "clean"], cwd=clone, check=False, capture_output=True)
        shutil.rmtree(folder, ignore_errors=True)


def _seconds(clone: Path) -> float:
    environment = {
        name: value for name, value in os.environ.items() if name not in ("VIRTUAL_ENV", "VT600_HOME", "MAKEFLAGS")
    }
    began = time.monotonic()
    process = subprocess.Popen(
        ["make", "run"], cwd=clone, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    assert process.stdout is not None
    try:
        for line in process.stdout:
            if _READY in line:
                return time.monotonic() - began
            if time.monotonic() - began > _LIMIT_S:
                break
        raise RuntimeError("make run did not come to its end")
    finally:
        process.send_signal(signal.SIGTERM)  # make waits for its child on SIGINT, and passes SIGTERM on
        process.communicate(timeout=60)
