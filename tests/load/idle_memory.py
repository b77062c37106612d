"""Listener memory per idle link."""

import psutil
from tests.load.bench import Flood, bench, figure

LINKS = 10_000
_PER_PROCESS = 5_000


def run() -> None:
    with bench() as servers:
        servers.gateway.listener_settings = {"LISTENER_MAX_LINKS_PER_ADDRESS": "0"}
        pid = servers.gateway.add_listener().pid
        warm = Flood(servers.gateway.listener_port, links=100, first_number=1)
        warm.close()
        before = psutil.Process(pid).memory_info().rss
        floods = [
            Flood(servers.gateway.listener_port, links=_PER_PROCESS, first_number=100_000 + at)
            for at in range(0, LINKS, _PER_PROCESS)
        ]
        after = psutil.Process(pid).memory_info().rss
        for flood in floods:
            flood.begin()
            flood.close()
    figure("listener resident before", f"{before / 2**20:.1f} MiB")
    figure(f"listener memory per idle link at {LINKS:,} links", f"{(after - before) / LINKS / 1024:.2f} KiB", "≤ 8 KiB")
