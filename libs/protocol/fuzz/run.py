"""`make fuzz`: a process for each core, both roles side by side, for some minutes; prints what it took and found."""

import argparse
import os
import re
import subprocess
import sys
import time
from pathlib import Path

from seeds import seeds

from vt600_protocol import Role

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[2]
_FOLDER = _CHECKOUT / ".run" / "fuzz"
_CASES = "libs/protocol/tests/fuzz_cases"
_ROLES: tuple[Role, ...] = ("server", "device")
_CHOICES = 8  # ways to read an input, see fuzz_checks.py
_CUTS = b"\x40\x80\xc0"
_STATUS = re.compile(r"^#(\d+).*?cov: (\d+) ft: (\d+) corp: (\d+)", re.MULTILINE)
_SAVED = re.compile(r"Test unit written to (\S+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--longest", type=int, default=300, help="bytes of the longest input")
    arguments = parser.parse_args()
    for role in _ROLES:
        _write_seeds(role)
    began = time.monotonic()
    runs = [
        Run(_ROLES[number % len(_ROLES)], number, arguments.minutes, arguments.longest)
        for number in range(max(os.cpu_count() or 1, len(_ROLES)))
    ]
    executions = sum(run.finish() for run in runs)
    seconds = time.monotonic() - began
    print(f"{executions:,} executions in {seconds / 60:.1f} minutes ({executions / seconds:,.0f}/s)")
    found = [run for run in runs if run.has_failed]
    for run in found:
        print(f"found by {run.name}: {run.saved or run.log}; keep the input in {_CASES} as {run.role}-NAME")
    if not found:
        print("found: nothing")
    return 1 if found else 0


class Run:
    """One fuzzing process, from its start to its figures. Those of one role share their corpus."""

    def __init__(self, role: Role, number: int, minutes: float, longest: int) -> None:
        self.role = role
        self.name = f"{role}-{number}"
        self.log = _FOLDER / f"{self.name}.log"
        self.has_failed = False
        self.saved: str | None = None
        options = [f"-max_total_time={round(minutes * 60)}", f"-max_len={longest}", "-timeout=20", "-reload=10"]
        folders = [str(_corpus(role)), str(_seeds(role))]
        command = [sys.executable, str(_HERE / "fuzz.py"), role, *options, f"-artifact_prefix={_FOLDER}/{role}-"]
        with self.log.open("w") as log:
            self._process = subprocess.Popen([*command, *folders], stdout=log, stderr=subprocess.STDOUT)

    def finish(self) -> int:
        """Wait, tell the figures, and give back how many executions it were."""
        self.has_failed = self._process.wait() != 0
        log = self.log.read_text(errors="replace")
        states = _STATUS.findall(log)
        done, edges, features, inputs = map(int, states[-1]) if states else (0, 0, 0, 0)
        print(f"{self.name}: {done:,} executions, {edges:,} edges, {features:,} features, {inputs:,} inputs")
        if self.has_failed:
            print(log[-4000:])
            saved = _SAVED.search(log)
            self.saved = saved[1] if saved else None
        return done


def _write_seeds(role: Role) -> None:
    for folder in (_corpus(role), _seeds(role)):
        folder.mkdir(parents=True, exist_ok=True)
    for number, (name, data) in enumerate(seeds(role)):
        (_seeds(role) / name).write_bytes(bytes([number % _CHOICES]) + _CUTS + data)


def _corpus(role: Role) -> Path:
    return _FOLDER / role


def _seeds(role: Role) -> Path:
    return _FOLDER / f"{role}-seeds"


if __name__ == "__main__":
    sys.exit(main())
