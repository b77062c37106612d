"""What the process that works out trips counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

_SECONDS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 60)


class TripsMetrics:
    """`due` is as of the last look; `resumed` passes read new reports only, `repaired` ones a span of history too."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.passes = Counter(
            "vt600_trips_passes_total", "Devices whose trips were brought up to date", ["way"], registry=registry
        )
        self.reports = Counter("vt600_trips_reports_total", "Reports read", registry=registry)
        self.failures = Counter(
            "vt600_trips_failures_total", "Passes that the store refused; tried again", registry=registry
        )
        self.due = Gauge("vt600_trips_due_devices", "Devices with reports not worked off yet", registry=registry)
        self.pass_seconds = Histogram(
            "vt600_trips_pass_seconds", "From reading a device's reports to its trips and summaries committed", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
        self.summary_seconds = Histogram(
            "vt600_trips_summary_seconds", "The part of a pass that is spent on hours and days", buckets=_SECONDS,
            registry=registry,
        )  # fmt: skip
