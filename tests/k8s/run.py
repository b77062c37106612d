"""`make cluster`, `make cluster-down` and `make test-k8s`."""

import argparse
import asyncio
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.k8s import cluster, scenarios, stage


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("up", "down", "test"))
    parser.add_argument("--only", action="append", choices=scenarios.SCENARIOS, help="may be repeated")
    parser.add_argument("--inside", action="store_true", help="the cluster and the image are there")
    arguments = parser.parse_args()
    if arguments.action == "down":
        cluster.down()
        return
    if not arguments.inside:
        cluster.up()
    if arguments.action == "up":
        return
    if not arguments.inside:
        stage.build_image()
        cluster.enter("--inside")
    _test(arguments.only or list(scenarios.SCENARIOS))


def _test(names: list[str]) -> None:
    with stage.set_up() as scene:
        for name in names:
            print(f"{name}:", flush=True)
            began = time.monotonic()
            asyncio.run(scenarios.SCENARIOS[name](scene))
            print(f"  ({time.monotonic() - began:.0f} s)")


if __name__ == "__main__":
    main()
