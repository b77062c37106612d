"""Creates the topics and keeps their settings as `topics.py` says. Repeatable."""

import asyncio
from collections.abc import Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewPartitions, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, TopicAlreadyExistsError, for_code

from vt600_bus.settings import KafkaSettings
from vt600_bus.topics import TOPICS, Topic

_POLL_S = 0.1


class TopicsError(Exception):
    """The broker refused a topic or its settings."""


async def apply_topics(
    settings: KafkaSettings, topics: Sequence[Topic[Any]] = TOPICS, *, replication: int = 1, timeout_s: float = 30.0
) -> list[str]:
    """Create what is missing, grow what is too small, set every configuration, and wait until all can be used.

    Returns the names of the topics that were created. TopicsError and TimeoutError say what did not work.
    """
    admin = AIOKafkaAdminClient(**settings.client_options(), client_id="vt600-topics")
    async with asyncio.timeout(timeout_s):
        await admin.start()
        try:
            created = await _create(admin, topics, replication)
            await _grow(admin, topics)
            await _configure(admin, topics)
            await _wait_for_leaders(admin, topics)
        finally:
            await admin.close()
    return created


async def _create(admin: Any, topics: Sequence[Topic[Any]], replication: int) -> list[str]:  # noqa: ANN401
    existing = set(await admin.list_topics())
    missing = [topic for topic in topics if topic.name not in existing]
    if not missing:
        return []
    answer = await admin.create_topics(
        [NewTopic(topic.name, topic.partitions, replication, topic_configs=topic.config) for topic in missing]
    )
    for name, code, *detail in answer.topic_errors:
        if code not in (0, TopicAlreadyExistsError.errno):
            raise TopicsError(f"{name} could not be created: {for_code(code).__name__} {detail}")
    return [topic.name for topic in missing]


async def _grow(admin: Any, topics: Sequence[Topic[Any]]) -> None:  # noqa: ANN401
    counts = {entry["topic"]: len(entry["partitions"]) for entry in await _describe(admin, topics)}
    small = {topic.name: topic.partitions for topic in topics if 0 < counts.get(topic.name, 0) < topic.partitions}
    if small:
        await admin.create_partitions({name: NewPartitions(total_count=count) for name, count in small.items()})


async def _configure(admin: Any, topics: Sequence[Topic[Any]]) -> None:  # noqa: ANN401
    """aiokafka does not raise here, so the codes in the answers are looked at."""
    resources = [ConfigResource(ConfigResourceType.TOPIC, topic.name, configs=topic.config) for topic in topics]
    for answer in await admin.alter_configs(resources):
        for code, message, _kind, name in answer.resources:
            if code:
                raise TopicsError(f"{name} could not be configured: {for_code(code).__name__} {message}")


async def _wait_for_leaders(admin: Any, topics: Sequence[Topic[Any]]) -> None:  # noqa: ANN401
    wanted = {topic.name: topic.partitions for topic in topics}
    while True:
        ready = {
            entry["topic"]
            for entry in await _describe(admin, topics)
            if entry["error_code"] == 0
            and len(entry["partitions"]) >= wanted[entry["topic"]]
            and all(partition["leader"] >= 0 for partition in entry["partitions"])
        }
        if ready.issuperset(wanted):
            return
        await asyncio.sleep(_POLL_S)


async def _describe(admin: Any, topics: Sequence[Topic[Any]]) -> list[dict[str, Any]]:  # noqa: ANN401
    try:
        return list(await admin.describe_topics([topic.name for topic in topics]))
    except KafkaError:
        return []
