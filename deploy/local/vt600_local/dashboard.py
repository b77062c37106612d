"""`python -m vt600_local.dashboard`: the Grafana dashboard, as deploy/monitoring/dashboard.json. `make documents` writes it."""

import json
from typing import Any

_WIDTH, _HEIGHT, _COLUMNS = 8, 7, 3
_EVERY = "[$__rate_interval]"
_P99 = "histogram_quantile(0.99, sum by (le{labels}) (rate({name}_bucket[$__rate_interval])))"

# Row → panels: title, unit, and what is drawn under which name.
_ROWS: dict[str, list[tuple[str, str, dict[str, str]]]] = {
    "Trackers": [
        ("Links and devices", "short", {
            "links {{instance}}": "vt600_listener_links", "devices {{instance}}": "vt600_listener_sessions",
        }),
        ("Frames by dialect and kind", "cps", {
            "{{dialect}} {{kind}}": f"sum by (dialect, kind) (rate(vt600_listener_frames_total{_EVERY}))",
        }),
        ("Refused: bytes and links by reason", "cps", {
            "bytes {{reason}}": f"sum by (reason) (rate(vt600_listener_rejects_total{_EVERY}))",
            "links {{reason}}": f"sum by (reason) (rate(vt600_listener_links_refused_total{_EVERY}))",
        }),
        ("Links that ended, by cause", "cps", {
            "{{cause}}": f"sum by (cause) (rate(vt600_listener_links_closed_total{_EVERY}))",
        }),
        ("Links not read, at the same time", "short", {
            "{{reason}}": f"sum by (reason) (rate(vt600_listener_paused_seconds_total{_EVERY}))",
        }),
        ("Datagrams dropped", "cps", {
            "{{reason}}": f"sum by (reason) (rate(vt600_listener_datagrams_dropped_total{_EVERY}))",
            "no room in the kernel": f"sum(rate(vt600_listener_datagrams_overflowed{_EVERY}))",
        }),
    ],
    "Bus and store": [
        ("Not yet durable: age of the oldest", "s", {"{{instance}}": "vt600_listener_oldest_pending_seconds"}),
        ("Until durable, p99", "s", {"p99": _P99.format(labels="", name="vt600_listener_durable_seconds")}),
        ("Ingest: records that wait", "short", {"{{topic}}": "sum by (topic) (vt600_ingest_lag_records)"}),
        ("Ingest: time of a batch, p99", "s", {
            "{{topic}}": _P99.format(labels=", topic", name="vt600_ingest_batch_seconds"),
        }),
        ("Share of reports that came late", "percentunit", {
            "late": f"sum(rate(vt600_ingest_late_reports_total{_EVERY}))"
            f' / sum(rate(vt600_ingest_reports_total{{result="stored"}}{_EVERY}))',
        }),
        ("Trips: devices that wait", "short", {"devices": "max(vt600_trips_due_devices)"}),
    ],
    "Commands and API": [
        ("Commands by state and class", "cps", {
            "{{state}} {{class}}": f"sum by (state, class) (rate(vt600_commander_transitions_total{_EVERY}))",
        }),
        ("Request to answer, p99", "s", {
            "{{class}}": _P99.format(labels=", class", name="vt600_commander_acknowledge_seconds"),
        }),
        ("Database pools", "percentunit", {
            "api {{instance}}": "vt600_api_pool_used_ratio", "commander {{instance}}": "vt600_commander_pool_used_ratio",
        }),
        ("Requests by status", "cps", {
            "{{status}}": f"sum by (status) (rate(vt600_api_request_seconds_count{_EVERY}))",
        }),
        ("Time to answer, p99", "s", {"p99": _P99.format(labels="", name="vt600_api_request_seconds")}),
        ("WebSocket clients, and cut ones", "short", {
            "clients": "sum(vt600_api_streams)", "cut in an hour": "sum(increase(vt600_api_streams_cut_total[1h]))",
        }),
    ],
}  # fmt: skip


def dashboard() -> str:
    """The file's text."""
    panels: list[dict[str, Any]] = []
    at = 0
    for row, entries in _ROWS.items():
        panels.append({"type": "row", "title": row, "gridPos": {"x": 0, "y": at, "w": 24, "h": 1}, "panels": []})
        at += 1
        for number, (title, unit, drawn) in enumerate(entries):
            place = {
                "x": number % _COLUMNS * _WIDTH, "y": at + number // _COLUMNS * _HEIGHT, "w": _WIDTH, "h": _HEIGHT,
            }  # fmt: skip
            panels.append(_panel(title, unit, drawn, place))
        at += -(-len(entries) // _COLUMNS) * _HEIGHT
    for number, panel in enumerate(panels, 1):
        panel["id"] = number
    source = {"name": "datasource", "label": "Prometheus", "type": "datasource", "query": "prometheus"}
    whole = {
        "uid": "vt600-gateway",
        "title": "VT600 gateway",
        "schemaVersion": 39,
        "refresh": "30s",
        "time": {"from": "now-3h", "to": "now"},
        "templating": {"list": [source]},
        "panels": panels,
    }
    return json.dumps(whole, indent=1) + "\n"


def _panel(title: str, unit: str, drawn: dict[str, str], place: dict[str, int]) -> dict[str, Any]:
    return {
        "type": "timeseries",
        "title": title,
        "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "gridPos": place,
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "targets": [
            {"refId": chr(ord("A") + number), "expr": query, "legendFormat": name}
            for number, (name, query) in enumerate(drawn.items())
        ],
    }


if __name__ == "__main__":
    print(dashboard(), end="")
