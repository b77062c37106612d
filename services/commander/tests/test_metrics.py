from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import CollectorRegistry

from vt600_bus.records import CommandState, CommandStatus
from vt600_commander.metrics import CommanderMetrics

_NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)


def status(state: CommandState, name: str, *, after_s: float = 0) -> CommandStatus:
    return CommandStatus(
        command_id="c", revision=1, device_id="d", type=name, state=state, at=_NOON + timedelta(seconds=after_s),
        requested_at=_NOON, requested_by="test", deadline_at=_NOON,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("name", "command_class"), [("identify", "query"), ("set_output", "actuating"), ("no_such_command", "none")]
)
def test_changes_are_counted_by_state_and_class_and_answers_timed(name: str, command_class: str) -> None:
    registry = CollectorRegistry()
    metrics = CommanderMetrics(registry, devices=lambda: 0, pool_use=lambda: 0)
    metrics.count(status("queued", name))
    metrics.count(status("acknowledged", name, after_s=2.5))

    def value(metric: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"vt600_commander_{metric}", {**labels, "class": command_class})

    assert value("transitions_total", state="queued") == 1
    assert value("transitions_total", state="acknowledged") == 1
    assert value("acknowledge_seconds_count") == 1
    assert value("acknowledge_seconds_sum") == 2.5
