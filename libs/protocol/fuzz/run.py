"""`make fuzz`: both roles side by side for some minutes, seeded with the published frames; prints what it took and found."""

import argparse
import json
import re
import subprocess
import sys
import time
from pathlib import Path

_HERE = Path(__file__).parent
_CHECKOUT = _HERE.parents[2]
_FOLDER = _CHECKOUT / ".run" / "fuzz"
_VECTORS = _CHECKOUT / "docs" / "protocol" / "vectors.json"
_ROLES = {"server": "uplink", "device": "downlink"}
_STATUS = re.compile(r"#(\d+).*?cov: (\d+) ft: (\d+) corp: (\d+)")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=5.0)
    parser.add_argument("--longest", type=int, default=600, help="bytes of the longest input")
    arguments = parser.parse_args()
    began = time.monotonic()
    processes = {role: _start(role, arguments.minutes, arguments.longest) for role in _ROLES}
    executions, failed = 0, False
    for role, process in processes.items():
        process.wait()
        log = _log_of(role).read_text(errors="replace")
        states = _STATUS.findall(log)
        done, coverage, features, corpus = map(int, states[-1]) if states else (0, 0, 0, 0)
        executions += done
        failed = failed or process.returncode != 0
        print(
            f"{role}: {done:,} executions, {coverage:,} edges, {features:,} features, {corpus:,} inputs in the corpus"
        )
        if process.returncode != 0:
            print(log[-4000:])
    minutes = (time.monotonic() - began) / 60
    print(f"{executions:,} executions in {minutes:.1f} minutes ({executions / minutes / 60:,.0f}/s)")
    print("found: see above; keep the input in libs/protocol/tests/fuzz_cases" if failed else "found: nothing")
    return 1 if failed else 0


def _start(role: str, minutes: float, longest: int) -> subprocess.Popen[bytes]:
    corpus, seeds = _FOLDER / role, _FOLDER / f"{role}-seeds"
    for folder in (corpus, seeds):
        folder.mkdir(parents=True, exist_ok=True)
    for vector in json.loads(_VECTORS.read_text())["vectors"]:
        if vector["direction"] == _ROLES[role]:
            (seeds / vector["id"]).write_bytes(b"\x40\x80\xc0" + bytes.fromhex(vector["hex"]))
    options = [f"-max_total_time={round(minutes * 60)}", f"-max_len={longest}", "-timeout=20", "-print_final_stats=1"]
    command = [sys.executable, str(_HERE / "fuzz.py"), role, *options, f"-artifact_prefix={_FOLDER}/{role}-"]
    with _log_of(role).open("w") as log:
        return subprocess.Popen([*command, str(corpus), str(seeds)], stdout=log, stderr=subprocess.STDOUT)


def _log_of(role: str) -> Path:
    return _FOLDER / f"{role}.log"


if __name__ == "__main__":
    sys.exit(main())
