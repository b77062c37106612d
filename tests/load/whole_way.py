"""The whole way, everything on this machine: frames written to sockets → rows committed, at a steady rate."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from tests.load.bench import Flood, bench, cpu_s, figure

RATE = 10_100
SECONDS = 60
LINKS = 500


def run() -> None:
    frames = RATE * SECONDS // LINKS * LINKS
    with bench() as servers:
        gateway = servers.gateway
        gateway.start()
        processes = {
            "listener": gateway.listener.pid,
            "ingest": gateway.ingest.pid,
            "api": gateway.api.pid,
            "commander": gateway.commander.pid,
            "Kafka": servers.kafka.pid,
            "PostgreSQL": servers.postgres_pid,
        }
        flood = Flood(gateway.listener_port, links=LINKS, frames=frames, rate=RATE)
        before = {name: cpu_s(pid) for name, pid in processes.items()}
        flood.begin()
        times = flood.result()
        asyncio.run(_all_ingested(gateway.uplinks_ingested, frames + LINKS))
        ended = time.time()
        used = {name: cpu_s(pid) - before[name] for name, pid in processes.items()}
        flood.close()
        stored = servers.query("SELECT count(*) FROM fleet.reports")
    figure("whole way: frames/s written", f"{frames / (times['ended'] - times['began']):,.0f}", "≥ 10,000")
    figure("  frames written / rows stored", f"{frames:,} / {stored:,}", "equal")
    figure("  last row committed after the last write", f"{ended - times['ended']:.2f} s")
    for name, seconds in used.items():
        figure(f"  CPU seconds per million: {name}", f"{seconds / frames * 1e6:.1f}")
    figure("  CPU seconds per million: all", f"{sum(used.values()) / frames * 1e6:.1f}", "best-known server: about 650")


async def _all_ingested(ingested: Callable[[], Awaitable[int]], total: int) -> None:
    while await ingested() < total:
        await asyncio.sleep(0.05)
