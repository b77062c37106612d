"""Kafka and PostgreSQL as the local stack starts them."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import asyncpg
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from vt600_bus.topics import DEAD_LETTERS
from vt600_local.kafka import Kafka
from vt600_local.ports import is_free
from vt600_local.postgres import Postgres
from vt600_local.server import StackError

pytestmark = pytest.mark.servers

_ABANDON = """
import sys, time
from pathlib import Path
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres
kafka, postgres = Kafka(Path(sys.argv[1]) / "kafka"), Postgres(Path(sys.argv[1]) / "postgres")
kafka.start()
postgres.start()
print(kafka.pid, postgres.pid, flush=True)
time.sleep(600)
"""


async def _query(url: str, statement: str) -> object:
    connection = await asyncpg.connect(url)
    try:
        return await connection.fetchval(statement)
    finally:
        await connection.close()


async def _publish(servers: str, value: bytes) -> None:
    async with AIOKafkaProducer(bootstrap_servers=servers, acks="all") as producer:
        await producer.send_and_wait(DEAD_LETTERS.name, value)


async def _first_value(servers: str) -> bytes | None:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers)
    await consumer.start()
    try:
        partition = TopicPartition(DEAD_LETTERS.name, 0)
        consumer.assign([partition])
        consumer.seek(partition, 0)
        value: bytes | None = (await asyncio.wait_for(consumer.getone(), 30)).value
    finally:
        await consumer.stop()
    return value


def test_a_second_broker_never_starts_on_a_live_folder(own_kafka: Callable[[], Kafka]) -> None:
    kafka = own_kafka()

    with pytest.raises(StackError, match="already runs"):
        Kafka(kafka.folder).start()

    assert kafka.is_ready()


def test_kafka_keeps_what_it_acknowledged_over_a_kill(own_kafka: Callable[[], Kafka]) -> None:
    kafka = own_kafka()
    asyncio.run(_publish(kafka.bootstrap_servers, b"kept"))

    kafka.kill()
    kafka.start()

    assert asyncio.run(_first_value(kafka.bootstrap_servers)) == b"kept"


def test_postgres_keeps_what_was_committed_over_a_kill(own_postgres: Callable[[], Postgres]) -> None:
    postgres = own_postgres()
    asyncio.run(_query(postgres.url, "CREATE TABLE kept AS SELECT 42 AS answer"))

    postgres.kill()
    postgres.start()

    assert asyncio.run(_query(postgres.url, "SELECT answer FROM kept")) == 42


def test_postgres_does_not_run_as_root(own_postgres: Callable[[], Postgres]) -> None:
    assert psutil.Process(own_postgres().pid).uids().effective != 0


def test_a_taken_port_is_said_in_one_sentence(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]

        with pytest.raises(StackError, match=f"port {port} for Kafka is in use"):
            Kafka(tmp_path / "kafka", port=port).start()


def test_servers_end_when_their_starter_is_killed(servers_folder: Path) -> None:
    starter = subprocess.Popen(
        [sys.executable, "-c", _ABANDON, str(servers_folder / "abandoned")], stdout=subprocess.PIPE, text=True
    )
    assert starter.stdout is not None
    servers = [psutil.Process(int(pid)) for pid in starter.stdout.readline().split()]

    os.kill(starter.pid, signal.SIGKILL)
    starter.communicate()
    _gone, alive = psutil.wait_procs(servers, timeout=30)

    assert len(servers) == 2
    assert alive == []


def test_a_stopped_server_leaves_its_port(own_kafka: Callable[[], Kafka]) -> None:
    kafka = own_kafka()

    kafka.stop()

    assert is_free(kafka.port)
    assert not kafka.running
