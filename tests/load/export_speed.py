"""Files of a long track through the real API: rows/s, its memory from the start to the end, and what others notice of it."""

import http.client
import threading
import time
from urllib.parse import urlencode

import psutil
from tests.load.bench import Bench, bench, cpu_s, figure, percentiles

POSITIONS = 1_000_000
DEVICE = "1401234567"
_PIECE = 1 << 18
_LOOK_EVERY_S = 0.02
_FILL = """
INSERT INTO fleet.devices (device_id) VALUES ('{device}');
INSERT INTO fleet.reports (device_id, device_time, frame_id, received_at, dialect, kind, fix_valid, latitude, longitude,
    speed_kmh, course_deg, altitude_m, hdop, satellites, odometer_m, ignition, late)
SELECT '{device}', timestamptz '2026-01-01' + n * interval '10 seconds', md5(n::text)::uuid, now(), 'binary', 'position', true,
    22.5 + sin(n * 1e-3) * 0.1 + n * 1e-7, 114 + cos(n * 1e-3) * 0.1, n % 120 + 0.5, n % 360, n % 50, 0.9, 8 + n % 5, n * 30, true, false
FROM generate_series(1, {count}) AS n;
VACUUM ANALYZE fleet.reports;
"""


def run(positions: int = POSITIONS) -> None:
    with bench() as servers:
        servers.gateway.start()
        for statement in _FILL.format(device=DEVICE, count=positions).split(";"):
            if statement.strip():
                servers.query(statement)
        _ask(servers, "/v1/positions/latest")  # all that a first request makes
        for name in ("csv", "geojson"):
            _export(servers, name, positions)


def _export(servers: Bench, name: str, positions: int) -> None:
    api = psutil.Process(servers.gateway.api.pid)
    before, cpu = api.memory_info().rss, cpu_s(api.pid)
    watch = _Watch(servers, api)
    watch.start()
    began = time.perf_counter()
    lines, size = _fetch(servers, name)
    seconds = time.perf_counter() - began
    watch.end()
    expected = positions + {"csv": 1, "geojson": 2}[name]
    if lines != expected:
        raise RuntimeError(f"{lines} lines, and not {expected}")
    figure(f"export of {positions:,} positions as {name}: rows/s", f"{positions / seconds:,.0f}")
    figure("  size", f"{size / 2**20:,.0f} MiB")
    figure("  CPU seconds of the API per million", f"{(cpu_s(api.pid) - cpu) / positions * 1e6:.1f}")
    memory = " / ".join(f"{value / 2**20:.1f}" for value in (before, watch.most, api.memory_info().rss))
    figure("  resident memory of the API at start / most / end", f"{memory} MiB", "flat")
    figure("  the newest of all meanwhile", percentiles(watch.answers))


def _fetch(servers: Bench, name: str) -> tuple[int, int]:
    """Lines and bytes of the file."""
    link = http.client.HTTPConnection("127.0.0.1", servers.gateway.api_port, timeout=60)
    query = urlencode({"format": name})
    link.request("GET", f"/v1/devices/{DEVICE}/positions/export?{query}", headers=_headers(servers))
    answer = link.getresponse()
    if answer.status != http.client.OK:
        raise RuntimeError(answer.read().decode())
    lines = size = 0
    while piece := answer.read1(_PIECE):
        lines += piece.count(b"\n")
        size += len(piece)
    link.close()
    return lines, size


def _ask(servers: Bench, path: str) -> float:
    """Seconds until the answer is there."""
    began = time.perf_counter()
    link = http.client.HTTPConnection("127.0.0.1", servers.gateway.api_port, timeout=60)
    link.request("GET", path, headers=_headers(servers))
    link.getresponse().read()
    link.close()
    return time.perf_counter() - began


def _headers(servers: Bench) -> dict[str, str]:
    return {"Authorization": f"Bearer {servers.gateway.api_key}"}


class _Watch(threading.Thread):
    """Looks at the API's memory and asks it something small, again and again."""

    def __init__(self, servers: Bench, api: psutil.Process) -> None:
        super().__init__(daemon=True)
        self._servers = servers
        self._api = api
        self._ended = threading.Event()
        self.most = 0
        self.answers: list[float] = []

    def run(self) -> None:
        while not self._ended.wait(_LOOK_EVERY_S):
            self.most = max(self.most, self._api.memory_info().rss)
            self.answers.append(_ask(self._servers, "/v1/positions/latest"))

    def end(self) -> None:
        """Stop looking."""
        self._ended.set()
        self.join()
