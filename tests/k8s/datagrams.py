"""Trackers on UDP, whose datagrams go through the Service, while its pod is replaced or dies."""

import asyncio
import statistics
import time
from collections.abc import Callable
from functools import partial
from itertools import count

from tests.k8s import cluster, stage
from tests.k8s.load import driving, judge, silences
from tests.k8s.scenarios import restart, scale_to
from tests.k8s.stage import Stage, pods

_INTERVAL_S = 1.0
_numbers = count(200_001, 10_000)


async def udp(scene: Stage) -> None:
    """For how long a tracker that waits for no confirmation talks to nobody when there is one listener only."""
    await asyncio.to_thread(scale_to, "listener", 1)
    changes: tuple[tuple[str, Callable[[], object]], ...] = (
        ("replaced", partial(restart, "listener")),
        ("killed with -9", _kill),
    )
    for what, change in changes:
        async with driving(count=200, interval_s=_INTERVAL_S, first_number=next(_numbers), transport="udp") as load:
            await asyncio.sleep(5 * _INTERVAL_S)  # spans under load, not waits for something
            await asyncio.to_thread(change)
            await asyncio.sleep(15 * _INTERVAL_S)
        rows = await judge(scene, load)
        silent = silences(load, rows)
        print(
            f"  the listener {what}: {sum(s > 0 for s in silent)} of {len(silent)} trackers talked to nobody for a while,"
            f" p50 {statistics.median(silent):g} s, longest {max(silent):g} s"
        )


def _kill() -> None:
    (victim,) = pods("listener")
    cluster.kill(victim.container)
    while pods("listener")[0].container in ("", victim.container):
        time.sleep(0.1)
    stage.wait_until_ready("listener")
