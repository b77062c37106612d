"""What the process that carries campaigns out counts."""

from prometheus_client import CollectorRegistry, Counter, Gauge


class CampaignsMetrics:
    """`outcome` is `sent` or `refused`."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self.devices = Counter(
            "vt600_campaigns_devices_total", "Devices that had their turn", ["outcome"], registry=registry
        )
        self.failures = Counter(
            "vt600_campaigns_failures_total", "Looks at a campaign that failed; tried again", registry=registry
        )
        self.due = Gauge("vt600_campaigns_due", "Campaigns with something left to do", registry=registry)
