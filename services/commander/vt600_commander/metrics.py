"""What the commander counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, PlatformCollector, ProcessCollector

from vt600_bus.records import CommandStatus
from vt600_protocol import COMMAND_TYPES

_CLASSES = {entry.name: entry.command_class for entry in COMMAND_TYPES}
_ACKNOWLEDGE_SECONDS = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1_800, 7_200, 86_400)


class CommanderMetrics:
    """One object per process, on the registry of its probes."""

    def __init__(
        self, registry: CollectorRegistry, *, devices: Callable[[], int], pool_use: Callable[[], float]
    ) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.transitions = Counter(
            "vt600_commander_transitions_total", "Changes of commands' states.", ("state", "class"), registry=registry
        )
        self.dead_letters = Counter(
            "vt600_commander_dead_letters_total", "Records that could not be handled.", registry=registry
        )
        self.acknowledge_seconds = Histogram(
            "vt600_commander_acknowledge_seconds",
            "From the request of a command to its device's answer, waiting for a link included.",
            ("class",),
            buckets=_ACKNOWLEDGE_SECONDS,
            registry=registry,
        )
        Gauge(
            "vt600_commander_pool_used_ratio",
            "Share of the database connections at work; at 1 the next work waits.",
            registry=registry,
        ).set_function(pool_use)
        Gauge("vt600_commander_devices", "Devices with a known link.", registry=registry).set_function(devices)

    def count(self, status: CommandStatus) -> None:
        """One change that the bus holds."""
        command_class = _CLASSES.get(status.type, "none")  # a type that we do not know is rejected
        self.transitions.labels(status.state, command_class).inc()
        if status.state == "acknowledged":
            self.acknowledge_seconds.labels(command_class).observe((status.at - status.requested_at).total_seconds())
