"""A short run of `make chaos`: commands of every class while everything is killed and restarted."""

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.chaos.history import write
from tests.chaos.judge import judge
from tests.chaos.run import SETTINGS, Plan, report, run
from tests.gateway import Gateway

from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres

pytestmark = pytest.mark.servers


async def test_whatever_is_killed_no_command_lies(
    tmp_path: Path,
    own_kafka: Callable[[], Kafka],
    own_postgres: Callable[[], Postgres],
    capsys: pytest.CaptureFixture[str],
) -> None:
    kafka, postgres = own_kafka(), own_postgres()
    gateway = Gateway(tmp_path, kafka_servers=kafka.bootstrap_servers, database_url=postgres.url, settings=SETTINGS)
    try:
        gateway.start(listeners=2)
        outcome = await run(Plan(seconds=25, commands=120, seed=1), gateway, (kafka, postgres))
    finally:
        gateway.stop()
    violations = judge(outcome.history)
    write(outcome.history, tmp_path / "history.jsonl")
    with capsys.disabled():
        print()
        report(outcome, violations)

    assert violations == []
    assert outcome.ended_themselves == []
    assert outcome.history.faults
    assert any(told.state == "acknowledged" for told in outcome.history.told)
