"""`make cluster`, `make cluster-down` and `make test-k8s`."""

import argparse
import asyncio
import sys
import time
import traceback
from collections.abc import Callable, Coroutine
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

from tests.k8s import cluster, datagrams, scenarios, secure, stage
from tests.k8s.secure import SecureStage
from tests.k8s.stage import Stage

SCENARIOS: dict[str, Callable[[Stage], Coroutine[None, None, None]]] = {
    "install": scenarios.install,
    "rolling-update": scenarios.rolling_update,
    "scale": scenarios.scale,
    "kill": scenarios.kill,
    "node-drain": scenarios.node_drain,
    "udp": datagrams.udp,
    "bad-input": scenarios.bad_input,
    "secure": secure.secure,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("action", choices=("up", "down", "test"))
    parser.add_argument("--only", action="append", choices=SCENARIOS, help="may be repeated")
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
    _test(arguments.only or list(SCENARIOS))


def _test(names: list[str]) -> None:
    """Each scenario on the stage that it needs; one that fails does not keep the others from being seen."""
    failed = []
    plain, of_secure = [name for name in names if name != "secure"], [name for name in names if name == "secure"]
    for kind, meant in ((Stage, plain), (SecureStage, of_secure)):
        if not meant:
            continue
        with stage.set_up(kind) as scene:
            for name in meant:
                print(f"{name}:", flush=True)
                began = time.monotonic()
                try:
                    asyncio.run(SCENARIOS[name](scene))
                except Exception:  # noqa: BLE001 - whatever it is, the others are still to be seen
                    traceback.print_exc()
                    failed.append(name)
                print(f"  ({time.monotonic() - began:.0f} s)")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
