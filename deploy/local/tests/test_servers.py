"""Kafka and PostgreSQL as the local stack starts them."""

import asyncio
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest

from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres
from vt600_local.server import StackError, answers

pytestmark = pytest.mark.servers


def test_a_second_broker_never_starts_on_a_live_folder(make_kafka: Callable[[], Kafka]) -> None:
    kafka = make_kafka()

    with pytest.raises(StackError, match="already runs"):
        Kafka(kafka.folder).start()

    assert answers(kafka.port)


def test_postgres_keeps_what_was_committed_over_a_kill(make_postgres: Callable[[], Postgres]) -> None:
    postgres = make_postgres()

    async def run(statement: str) -> object:
        connection = await asyncpg.connect(postgres.url)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    asyncio.run(run("CREATE TABLE kept AS SELECT 42 AS answer"))
    postgres.kill()
    postgres.start()

    assert asyncio.run(run("SELECT answer FROM kept")) == 42


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path, make_kafka: Callable[[], Kafka]) -> None:
    taken = make_kafka().port

    with pytest.raises(StackError, match=f"port {taken} for Kafka is in use"):
        Kafka(tmp_path / "kafka", port=taken).start()
