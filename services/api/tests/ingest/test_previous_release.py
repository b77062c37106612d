"""Ingest as it was before, on the schema as it is now: what runs for a while in every upgrade."""

import asyncio
import os
import subprocess
import sys
import tarfile
from collections.abc import AsyncIterator, Awaitable, Callable
from io import BytesIO
from pathlib import Path

import asyncpg
import pytest

from vt600_bus import KafkaSettings, Publisher
from vt600_bus.records import Uplink
from vt600_bus.topics import UPLINKS
from vt600_local.home import CHECKOUT

pytestmark = pytest.mark.servers

# The tag of the last release; until there is one, a commit that stands for it. It moves on with each release.
PREVIOUS = "88fbae7"
_MEMBERS = ("libs/protocol", "libs/bus", "libs/runtime", "services/api")


@pytest.fixture(scope="module")
def previous(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Its sources, which run on the dependencies that are here."""
    command = ["git", "-C", str(CHECKOUT), "archive", PREVIOUS, *_MEMBERS]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        pytest.skip(f"{PREVIOUS} is not in this clone, which is shallow or no clone at all")
    folder = tmp_path_factory.mktemp("previous")
    with tarfile.open(fileobj=BytesIO(done.stdout)) as archive:
        archive.extractall(folder, filter="data")
    where = [sys.executable, "-c", "import vt600_api; print(vt600_api.__file__)"]
    environment = {**os.environ, "PYTHONPATH": _python_path(folder)}
    found = subprocess.run(where, env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.startswith(str(folder))
    return folder


def _python_path(folder: Path) -> str:
    return os.pathsep.join(str(folder / member) for member in _MEMBERS)


@pytest.fixture
async def old_ingest(previous: Path, kafka_servers: str, fleet_url: str) -> AsyncIterator[asyncio.subprocess.Process]:
    settings = {
        "PYTHONPATH": _python_path(previous),
        "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
        "INGEST_DATABASE_URL": fleet_url,
        "INGEST_PROBES_HOST": "127.0.0.1",
        "INGEST_PROBES_PORT": "0",
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "vt600_api.ingest", env={**os.environ, **settings}, stdout=asyncio.subprocess.PIPE
    )
    yield process
    if process.returncode is None:
        process.kill()
    await process.communicate()


async def test_the_previous_ingest_stores_what_comes_on_the_schema_of_now(
    old_ingest: asyncio.subprocess.Process,
    kafka_servers: str,
    database: asyncpg.Connection,
    make_uplink: Callable[..., Uplink],
    eventually: Callable[..., Awaitable[None]],
    device_id: str,
) -> None:
    async def stored() -> int:
        return int(await database.fetchval("SELECT count(*) FROM fleet.reports WHERE device_id = $1", device_id))

    async with Publisher(KafkaSettings(bootstrap_servers=kafka_servers), client_id="test") as publisher:
        await publisher.publish(UPLINKS, device_id, make_uplink())
    await eventually(stored, 1)
    old_ingest.terminate()
    output, _ = await asyncio.wait_for(old_ingest.communicate(), 30)

    assert old_ingest.returncode == 0
    assert b"Traceback" not in output
