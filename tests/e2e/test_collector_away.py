"""Traces that nobody takes disturb nobody. A file of its own: two gateways on one Kafka would share their consumer groups."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.e2e.collector import make_gateway, one_tracker
from tests.gateway import eventually

from vt600_local.ports import free_port

pytestmark = pytest.mark.servers


async def test_a_collector_that_is_away_is_one_line_and_nothing_else(
    tmp_path: Path, kafka_servers: str, make_database: Callable[[], str]
) -> None:
    gateway = make_gateway(free_port(), tmp_path, kafka_servers, make_database())
    processes = ("listener-0", "ingest", "api", "commander")
    try:
        gateway.start()
        async with gateway.client() as client, one_tracker(gateway, 3) as device_id:

            async def position() -> int:
                return (await client.get(f"/v1/devices/{device_id}/positions")).status_code

            await eventually(position, 200)
            answer = await client.post(f"/v1/devices/{device_id}/commands", json={"type": "identify"})
            path = f"/v1/commands/{answer.json()['command_id']}"

            async def state() -> str:
                return str((await client.get(path)).json()["state"])

            await eventually(state, "acknowledged")

            async def said() -> list[int]:
                return [(tmp_path / f"{name}.log").read_text().count("tracing.unreachable") for name in processes]

            await eventually(said, [1] * len(processes), timeout_s=60)
    finally:
        gateway.stop()

    logs = [(tmp_path / f"{name}.log").read_text() for name in processes]
    assert [log.count("tracing.unreachable") for log in logs] == [1] * len(processes)
    assert not [log for log in logs if "Traceback" in log or "opentelemetry" in log]
