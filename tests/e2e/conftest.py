"""The gateway under test."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.gateway import Gateway


@pytest.fixture(scope="module")
def gateway(
    tmp_path_factory: pytest.TempPathFactory, kafka_servers: str, make_database: Callable[[], str]
) -> Iterator[Gateway]:
    """A gateway of its own for each module."""
    folder: Path = tmp_path_factory.mktemp("gateway")
    gateway = Gateway(folder, kafka_servers=kafka_servers, database_url=make_database())
    try:
        gateway.start()
        yield gateway
    finally:
        gateway.stop()
