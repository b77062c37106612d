"""The command that makes the topics."""

import re
import subprocess
import sys
import uuid
from dataclasses import replace

import pytest
from aiokafka.admin import AIOKafkaAdminClient

from vt600_bus import KafkaSettings, Topic, TopicsError, apply_topics
from vt600_bus.records import Listener
from vt600_bus.topics import TOPICS


def own_topic() -> Topic[Listener]:
    return Topic(f"vt600.test-{uuid.uuid4().hex}.v1", Listener, "listener_id", 2, {"cleanup.policy": "compact"})


async def partitions_of(kafka: KafkaSettings, topic: Topic[Listener]) -> int:
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap_servers)
    await admin.start()
    try:
        (entry,) = await admin.describe_topics([topic.name])
        return len(entry["partitions"])
    finally:
        await admin.close()


@pytest.mark.servers
async def test_a_topic_grows_to_the_partitions_that_are_wanted(kafka_servers: str) -> None:
    kafka, topic = KafkaSettings(bootstrap_servers=kafka_servers), own_topic()
    created = await apply_topics(kafka, [topic])
    grown = await apply_topics(kafka, [replace(topic, partitions=5)])

    assert (created, grown) == ([topic.name], [])
    assert await partitions_of(kafka, topic) == 5


@pytest.mark.servers
async def test_settings_that_the_broker_refuses_are_an_error(kafka_servers: str) -> None:
    kafka, topic = KafkaSettings(bootstrap_servers=kafka_servers), own_topic()
    with pytest.raises(TopicsError, match=topic.name):
        await apply_topics(kafka, [replace(topic, config={"cleanup.policy": "burn"})])
    await apply_topics(kafka, [topic])
    with pytest.raises(TopicsError, match=topic.name):
        await apply_topics(kafka, [replace(topic, config={"retention.ms": "soon"})])


def apply_by_command(servers: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "vt600_bus", "topics", "apply"]
    environment = {"KAFKA_BOOTSTRAP_SERVERS": servers}
    return subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.servers
def test_the_command_says_what_it_found(kafka_servers: str) -> None:
    done = apply_by_command(kafka_servers)

    assert (done.returncode, done.stdout) == (0, f"{len(TOPICS)} topics are there, 0 of them new\n")


def test_without_a_broker_the_command_fails_with_one_sentence() -> None:
    done = apply_by_command("127.0.0.1:1")

    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.splitlines()[-1].startswith("vt600-bus: the topics could not be applied at 127.0.0.1:1: ")


def test_topics_are_named_by_one_rule_and_keyed_by_a_field_of_their_record() -> None:
    for topic in TOPICS:
        assert re.fullmatch(r"vt600\.[a-z]+(-[a-z]+)*\.v1", topic.name)
        assert topic.key in topic.record.__struct_fields__
    assert len({topic.name for topic in TOPICS}) == len({topic.record for topic in TOPICS}) == len(TOPICS)
