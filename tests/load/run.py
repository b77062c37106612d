"""`make load`: figures with their bounds of the same run, medians of three. They are printed and never asserted."""

import argparse
import os
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.load import (
    churn,
    commands,
    decoder_speed,
    drain,
    export_speed,
    hand_over,
    history_speed,
    idle_memory,
    ingest_speed,
    latency,
    listener_speed,
    make_run,
    nat,
    outage,
    summaries_speed,
    week,
    whole_way,
)

BENCHMARKS = {
    "decoder": decoder_speed.run,
    "listener": listener_speed.run,
    "ingest": ingest_speed.run,
    "backlog": ingest_speed.run_backlog,
    "whole-way": whole_way.run,
    "latency": latency.run,
    "commands": commands.run,
    "memory": idle_memory.run,
    "outage": outage.run,
    "nat": nat.run,
    "drain": drain.run,
    "churn": churn.run,
    "hand-over": hand_over.run,
    "export": export_speed.run,
    "history": history_speed.run,
    "summaries": summaries_speed.run,
    "week": week.run,
    "make-run": make_run.run,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", choices=BENCHMARKS, action="append", help="may be repeated")
    parser.add_argument("--positions", type=int, default=export_speed.POSITIONS, help="how many `export` reads")
    parser.add_argument("--reports", type=int, default=history_speed.REPORTS, help="how many `history` holds")
    parser.add_argument("--rate", type=float, default=churn.RATE, help="restarts per second of `churn`")
    arguments = parser.parse_args()
    benchmarks: dict[str, Callable[[], None]] = {
        **BENCHMARKS,
        "export": partial(export_speed.run, arguments.positions),
        "history": partial(history_speed.run, arguments.reports),
        "churn": partial(churn.run, arguments.rate),
    }
    print(f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.platform()}")
    for name in arguments.only or benchmarks:
        print(f"{name}:", flush=True)
        began = time.monotonic()
        benchmarks[name]()
        print(f"  ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
