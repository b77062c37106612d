"""What the commander counts."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, PlatformCollector, ProcessCollector


class CommanderMetrics:
    """One object per process, on the registry of its probes."""

    def __init__(self, registry: CollectorRegistry, *, devices: Callable[[], int]) -> None:
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self.transitions = Counter(
            "vt600_commander_transitions_total", "Changes of commands' states.", ("state",), registry=registry
        )
        self.dead_letters = Counter(
            "vt600_commander_dead_letters_total", "Records that could not be handled.", registry=registry
        )
        Gauge("vt600_commander_devices", "Devices with a known link.", registry=registry).set_function(devices)
