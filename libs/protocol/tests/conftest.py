"""The published frames of docs/protocol/vectors.json, and streams that arrive in pieces."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from streams import Reader

from vt600_protocol import Connection, Message, ProtocolError, Role

Feed = Callable[[Role, list[bytes]], tuple[list[Message], list[ProtocolError], int]]

_FILE = Path(__file__).parents[3] / "docs" / "protocol" / "vectors.json"


@dataclass(frozen=True)
class Vector:
    """One sample; `expected` describes each frame in it that a strict decoder accepts."""

    name: str
    dialect: str
    role: Role
    raw: bytes
    strict_result: str
    expected: tuple[dict[str, Any], ...]


def load_vectors() -> list[Vector]:
    """All samples."""
    vectors = []
    for entry in json.loads(_FILE.read_text())["vectors"]:
        frames = tuple(part["expected"] for part in entry.get("stream_frames", ()))
        if entry["strict_result"] == "accept":
            frames = (entry["expected"],)
        role: Role = "server" if entry["direction"] == "uplink" else "device"
        raw = bytes.fromhex(entry["hex"])
        vectors.append(Vector(entry["id"], entry["variant"], role, raw, entry["strict_result"], frames))
    return vectors


def feed_stream(role: Role, pieces: list[bytes]) -> tuple[list[Message], list[ProtocolError], int]:
    """Messages, errors and heartbeats of a stream that arrives in these pieces and then ends."""
    reader = Reader(Connection(role))
    reader.read_all(pieces)
    return reader.messages, reader.errors, reader.connection.heartbeats


@pytest.fixture
def feed() -> Feed:
    """Feeds a stream to a fresh connection."""
    return feed_stream


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """A test that takes a `vector` runs once for each."""
    if "vector" in metafunc.fixturenames:
        metafunc.parametrize("vector", load_vectors(), ids=lambda vector: vector.name)
