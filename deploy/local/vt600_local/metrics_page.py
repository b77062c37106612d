"""`python -m vt600_local.metrics_page`: what every process exports, as docs/operations/metrics.md. `make documents` writes it."""

import importlib
from collections.abc import Iterator

from prometheus_client import CollectorRegistry
from prometheus_client.metrics import MetricWrapperBase

# Process, where its metrics are made, and what they want to be made of.
_PROCESSES: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("listener", "vt600_listener.metrics", "Metrics", ()),
    ("ingest", "vt600_api.ingest.metrics", "IngestMetrics", ()),
    ("trips", "vt600_api.trips.metrics", "TripsMetrics", ()),
    ("campaigns", "vt600_api.campaigns.metrics", "CampaignsMetrics", ()),
    ("campaigns: desired settings", "vt600_api.desired.metrics", "DesiredMetrics", ()),
    ("api", "vt600_api.metrics", "ApiMetrics", ("clients", "pool_use")),
    ("commander", "vt600_commander.metrics", "CommanderMetrics", ("devices", "pool_use")),
)
_INTRODUCTION = """\
# Metrics

Written by `make documents`; a test says when it is out of date. Each process shows its metrics at `/metrics` on its probes' port
(listener 9081, ingest 9082, api 9083, commander 9084, trips 9085, campaigns 9086), with those of the process itself (`process_…`, `python_info`).
Alerts on them are in `deploy/monitoring/alerts.yaml`, a dashboard for Grafana in `deploy/monitoring/dashboard.json`.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRODUCTION, *(line for process in _PROCESSES for line in _section(*process))])


def names() -> set[str]:
    """Every series that any process exports."""
    found: set[str] = set()
    for process in _PROCESSES:
        for metric in _metrics(*process[1:]):
            name, kind = _name(metric), metric._type  # noqa: SLF001
            found |= {f"{name}_{part}" for part in ("bucket", "sum", "count")} if kind == "histogram" else {name}
    return found


def _section(process: str, module: str, name: str, wanted: tuple[str, ...]) -> Iterator[str]:
    yield from (f"## {process}", "", "| metric | labels | kind | what |", "|---|---|---|---|")
    for metric in sorted(_metrics(module, name, wanted), key=_name):
        labels = ", ".join(f"`{label}`" for label in metric._labelnames)  # noqa: SLF001
        yield f"| `{_name(metric)}` | {labels} | {metric._type} | {metric._documentation.rstrip('.')} |"  # noqa: SLF001
    yield ""


def _metrics(module: str, name: str, wanted: tuple[str, ...]) -> list[MetricWrapperBase]:
    """The collectors themselves: a metric with labels shows nothing before it is used."""
    registry = CollectorRegistry()
    make = getattr(importlib.import_module(module), name)
    make(registry, **dict.fromkeys(wanted, lambda: 0))
    collectors = list(registry._collector_to_names)  # noqa: SLF001
    return [collector for collector in collectors if isinstance(collector, MetricWrapperBase)]


def _name(metric: MetricWrapperBase) -> str:
    return f"{metric._name}_total" if metric._type == "counter" else str(metric._name)  # noqa: SLF001


if __name__ == "__main__":
    print(page(), end="")
