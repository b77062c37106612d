"""The published description of the bus is that of the code."""

import json
from pathlib import Path

from vt600_bus.schemas import asyncapi

_FILE = Path(__file__).parents[3] / "docs" / "bus" / "asyncapi.json"


def test_the_document_is_what_the_code_says() -> None:
    written = json.loads(_FILE.read_text())

    assert written == json.loads(json.dumps(asyncapi())), "run: python -m vt600_bus asyncapi > docs/bus/asyncapi.json"
