"""Files that break off, stall, are too many or no longer wanted."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Any

import asyncpg
import httpx
import pytest

from vt600_api.positions.schemas import Position

if TYPE_CHECKING:
    from served.conftest import Eventually, Serve, Served

pytestmark = pytest.mark.servers

EVERY_FIELD = ",".join(Position.model_fields)
BUSY = """
SELECT pid FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND query ~ 'FROM fleet.reports' AND xact_start IS NOT NULL
"""


async def begin(client: httpx.AsyncClient, path: str, stack: list[Any], kind: str = "geojson") -> AsyncIterator[bytes]:
    """The file after its first chunk; the client reads no further until it is asked to."""
    query = {"format": kind, **({"fields": EVERY_FIELD} if kind == "csv" else {})}  # more than fits between the two
    answer = await client.send(client.build_request("GET", path, params=query), stream=True)
    assert answer.status_code == 200
    chunks = answer.aiter_raw(1000)
    stack += (answer, chunks)  # dropped chunks would hang up
    await anext(chunks)
    return chunks


async def busy(store: asyncpg.Connection) -> list[int]:
    """The backends that read for a file."""
    return [row["pid"] for row in await store.fetch(BUSY)]


@pytest.mark.parametrize("kind", ["csv", "geojson", "gpx", "kml"])
async def test_a_file_that_breaks_off_never_looks_whole(
    served: "Served", long_path: str, store: asyncpg.Connection, kind: str
) -> None:
    client, answers = await served.client(), list[Any]()
    chunks = await begin(client, long_path, answers, kind)
    (backend,) = await busy(store)
    await store.execute("SELECT pg_terminate_backend($1)", backend)

    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        async for _ in chunks:
            pass
    assert (await client.get("/v1/devices")).status_code == 200


async def test_a_client_that_hangs_up_ends_the_query(
    served: "Served", long_path: str, store: asyncpg.Connection, eventually: "Eventually"
) -> None:
    client, answers = await served.client(), list[Any]()
    await begin(client, long_path, answers)
    assert len(await busy(store)) == 1
    await answers[0].aclose()

    assert await eventually(lambda: busy(store), lambda found: not found) == []


async def test_a_client_that_takes_nothing_is_cut_off(
    serve: "Serve", long_path: str, store: asyncpg.Connection, eventually: "Eventually"
) -> None:
    served = await serve(export_stall_s=0.2)
    client, answers = await served.client(), list[Any]()
    chunks = await begin(client, long_path, answers)
    await eventually(lambda: busy(store), lambda found: not found)

    with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
        async for _ in chunks:
            pass


async def test_a_slow_client_holds_back_the_query_and_nobody_else(
    served: "Served", long_path: str, store: asyncpg.Connection, eventually: "Eventually"
) -> None:
    client, answers = await served.client(), list[Any]()
    chunks = await begin(client, long_path, answers)
    written = sum([len(chunk) async for chunk in _some(chunks, 10)])
    assert (await client.get("/v1/devices")).status_code == 200
    assert len(await busy(store)) == 1  # 200,000 lines do not fit between the two: it waits for us
    rest = sum([len(chunk) async for chunk in chunks])

    assert written + rest > 50_000_000
    assert await eventually(lambda: busy(store), lambda found: not found) == []


async def test_only_so_many_files_are_written_at_once(serve: "Serve", long_path: str, eventually: "Eventually") -> None:
    served = await serve(exports_at_once=2)
    client, answers = await served.client(), list[Any]()
    for _ in range(2):
        await begin(client, long_path, answers)
    refused = await client.get(long_path, params={"format": "csv"})
    await answers[0].aclose()

    async def status() -> int:
        return (await client.get(long_path, params={"format": "csv", "to": "2026-05-04T12:00:05Z"})).status_code

    assert (refused.status_code, refused.json()["code"]) == (429, "too_many_exports")
    assert await eventually(status, lambda found: found != 429) == 200


async def _some(chunks: AsyncIterator[bytes], count: int) -> AsyncIterator[bytes]:
    for _ in range(count):
        yield await anext(chunks)
