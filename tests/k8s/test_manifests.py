"""What `make manifests` checks, where its tools are there already: to build them takes longer than all other tests."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from tests.k8s.binaries import binary

_HAS_TOOLS = binary("kubectl").exists() and find_spec("kubernetes_validate") is not None


@pytest.mark.skipif(
    not _HAS_TOOLS, reason="kubectl is not built here: `make cluster` does that, `make manifests` takes the machine's"
)
def test_every_object_of_every_overlay_is_valid() -> None:
    script = Path(__file__).with_name("manifests.py")
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr
    assert "0 problems" in done.stdout
