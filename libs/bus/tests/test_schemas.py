"""The published description of the bus is that of the code."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from vt600_bus.schemas import asyncapi, record_schema
from vt600_bus.topics import TOPICS

_FOLDER = Path(__file__).parents[3] / "docs" / "bus"


@pytest.mark.parametrize(
    ("file", "describe"),
    [("asyncapi.json", asyncapi), ("records.schema.json", record_schema)],
)
def test_the_document_is_what_the_code_says(file: str, describe: Callable[[], dict[str, Any]]) -> None:
    written = json.loads((_FOLDER / file).read_text())

    assert written == json.loads(json.dumps(describe())), "run: make documents"


def test_every_topic_has_its_record_in_both_documents() -> None:
    document, definitions = asyncapi(), record_schema()["$defs"]

    assert set(document["channels"]) == {topic.name for topic in TOPICS}
    for topic in TOPICS:
        name = topic.record.__name__

        assert document["components"]["messages"][name]["name"] == topic.record.__struct_config__.tag
        assert definitions[name]["properties"].keys() == {"schema", *topic.record.__struct_encode_fields__}
