"""What is counted of desired settings."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class DesiredMetrics:
    """`outcome` is the state that the end of a command led to."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.outcomes = Counter(
            "vt600_desired_outcomes_total", "Commands for desired settings that ended", ["outcome"], registry=registry
        )
        self.failures = Counter(
            "vt600_desired_failures_total", "Looks at a device's settings that failed; tried again", registry=registry
        )
        self.due = Gauge("vt600_desired_due", "Devices whose settings had something to do now", registry=registry)
