"""The public description of the bus, generated from the code: the records as JSON Schema, and an AsyncAPI document."""

from typing import Any

import msgspec

from vt600_bus.topics import TOPICS

_REF = "#/components/schemas/{name}"


def record_schema() -> dict[str, Any]:
    """The JSON Schema that every record meets; `$defs` has each by its name."""
    references, definitions = msgspec.json.schema_components(
        [topic.record for topic in TOPICS], ref_template="#/$defs/{name}"
    )
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Records of vt600-gateway on Kafka",
        "oneOf": list(references),
        "$defs": definitions,
    }


def asyncapi() -> dict[str, Any]:
    """The AsyncAPI 3 document of all topics and records."""
    _, components = msgspec.json.schema_components([topic.record for topic in TOPICS], ref_template=_REF)
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "vt600-gateway on Kafka",
            "version": "1",
            "description": "Records are JSON; bytes are base64 text, times RFC 3339 in UTC. Fields may be added; none changes its meaning.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {
            topic.name: {
                "address": topic.name,
                "description": f"Key: {topic.key}. {topic.partitions} partitions. {_kept(topic.config)}",
                "messages": {topic.record.__name__: {"$ref": f"#/components/messages/{topic.record.__name__}"}},
            }
            for topic in TOPICS
        },
        "operations": {
            f"read_{topic.name.split('.')[1].replace('-', '_')}": {
                "action": "receive",
                "channel": {"$ref": f"#/channels/{topic.name}"},
            }
            for topic in TOPICS
        },
        "components": {
            "messages": {
                topic.record.__name__: {
                    "name": topic.record.__struct_config__.tag,
                    "summary": (topic.record.__doc__ or "").split("\n")[0],
                    "payload": {"$ref": _REF.format(name=topic.record.__name__)},
                }
                for topic in TOPICS
            },
            "schemas": components,
        },
    }


def _kept(config: dict[str, str]) -> str:
    days = f"{int(config.get('retention.ms', 0)) / 86_400_000:g} days"
    if config["cleanup.policy"] == "compact":
        return "Compacted: the newest record of each key is kept."
    if config["cleanup.policy"] == "compact,delete":
        return f"Compacted: the newest record of each key is kept, for {days}."
    return f"Kept for {days}."
