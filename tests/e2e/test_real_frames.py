"""Every published uplink frame, over TCP and UDP, from the socket to the store."""

import asyncio
import json
import math
import socket
from collections.abc import AsyncIterator, Mapping
from typing import Any

import asyncpg
import pytest
from tests.e2e.vectors import Frame, accepted_uplinks, refused_uplinks, unidentified_uplinks
from tests.gateway import Gateway, eventually

pytestmark = pytest.mark.servers

ACCEPTED = accepted_uplinks()
REFUSED = refused_uplinks() + unidentified_uplinks()
TOLERANCE = {"latitude": 1e-6, "longitude": 1e-6, "speed_kmh": 0.001, "external_v": 0.006, "battery_v": 0.006}
REPORTS = """
SELECT * FROM fleet.reports r CROSS JOIN LATERAL (
    SELECT array_agg(DISTINCT f.kind) AS journal, count(f.details) AS with_details
    FROM fleet.frames f WHERE f.device_id = r.device_id AND f.frame_id = r.frame_id
) frames WHERE r.device_id = $1 AND r.device_time IN ($2::timestamptz, $2::timestamptz + interval '7168 days')
"""  # from 2029 on some of these old frames will look like those of a receiver whose weeks rolled over
RUBBISH = b"\x01rubbish that is no header\x02"


@pytest.fixture
async def database(gateway: Gateway) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(gateway.database_url)
    yield connection
    await connection.close()


async def send_over_tcp(gateway: Gateway, chunks: list[bytes]) -> None:
    """Write the chunks, each in a segment of its own, and close our side when the listener has read them."""
    _reader, writer = await asyncio.open_connection("127.0.0.1", gateway.listener_port)
    plain = writer.get_extra_info("socket")
    plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for chunk in chunks:
        writer.write(chunk)
        await writer.drain()
    writer.write_eof()
    await asyncio.wait_for(_reader.read(), 10)
    writer.close()
    await writer.wait_closed()


def send_over_udp(gateway: Gateway, datagrams: list[bytes]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        for datagram in datagrams:
            sender.sendto(datagram, ("127.0.0.1", gateway.listener_port))


async def count_of(database: asyncpg.Connection, frame: Frame, transport: str) -> int:
    query = "SELECT count(*) FROM fleet.frames WHERE device_id = $1 AND raw = $2 AND transport = $3"
    return int(await database.fetchval(query, frame.device_id, frame.raw, transport))


async def arrived(database: asyncpg.Connection, transport: str, times: int) -> list[str]:
    """The names of the frames that are not yet in the journal `times` times."""
    return [frame.name for frame in ACCEPTED if await count_of(database, frame, transport) < times]


def same(name: str, expected: object, found: object) -> bool:
    if isinstance(expected, float) and isinstance(found, float | int):
        return math.isclose(expected, found, abs_tol=TOLERANCE.get(name, 1e-6))
    return expected == found


def differences(expected: dict[str, Any], found: Mapping[str, Any]) -> dict[str, Any]:
    """What is not as the vector says: name → (expected, found)."""
    return {
        name: (value, found.get(name)) for name, value in expected.items() if not same(name, value, found.get(name))
    }


async def wrong_reports(database: asyncpg.Connection, frame: Frame) -> list[object]:
    """What is wrong with the rows that the frame should have made, and with the journal of each."""
    wrong: list[object] = []
    for report in frame.reports:
        rows = await database.fetch(REPORTS, frame.device_id, report.device_time)
        expected = report.columns | {"journal": [report.columns["kind"]], "with_details": 0}
        found = [differences(expected, dict(row)) for row in rows]
        wrong += [f"{len(rows)} rows"] if len(rows) != 1 else [one for one in found if one]
    return wrong


async def wrong_details(database: asyncpg.Connection, frame: Frame) -> list[object]:
    """What is wrong with the journal of a frame that makes no report."""
    query = "SELECT kind, details FROM fleet.frames WHERE device_id = $1 AND raw = $2"
    wrong: list[object] = []
    for row in await database.fetch(query, frame.device_id, frame.raw):
        details = json.loads(row["details"] or "{}")
        wrong += [row["kind"]] if row["kind"] != frame.kind else []
        wrong += [found] if (found := differences(frame.details(), details)) else []
    return wrong


async def test_real_frames_end_in_the_store_once_however_they_are_sent(
    gateway: Gateway, database: asyncpg.Connection
) -> None:
    for frame in ACCEPTED:
        await send_over_tcp(gateway, [frame.raw])
    for frame in ACCEPTED:
        await send_over_tcp(gateway, [frame.raw[at : at + 1] for at in range(len(frame.raw))])
    for dialect in ("binary", "ascii"):
        frames = [frame.raw for frame in ACCEPTED if frame.dialect == dialect]
        await send_over_tcp(gateway, [RUBBISH.join([b"", *frames, b""])])
    await eventually(lambda: arrived(database, "tcp", 3), [])
    send_over_udp(gateway, [frame.raw for frame in ACCEPTED])
    await eventually(lambda: arrived(database, "udp", 1), [])

    wrong: dict[str, object] = {}
    for frame in ACCEPTED:
        check = wrong_reports if frame.reports else wrong_details
        if found := await check(database, frame):
            wrong[frame.name] = found
    assert wrong == {}
    distinct = {frame.raw: len(frame.reports) for frame in ACCEPTED}  # one is published alone and inside a stream
    devices = [frame.device_id for frame in ACCEPTED]
    stored = await database.fetchval("SELECT count(*) FROM fleet.reports WHERE device_id = ANY($1)", devices)
    assert stored == sum(distinct.values())


async def test_refused_frames_end_in_rejects(gateway: Gateway, database: asyncpg.Connection) -> None:
    async def missing(transport: str) -> list[str]:
        rows = await database.fetch("SELECT raw FROM fleet.rejects WHERE transport = $1", transport)
        kept = [bytes(row["raw"]) for row in rows]
        return [frame.name for frame in REFUSED if not any(frame.raw[:40] in raw for raw in kept)]

    for frame in REFUSED:
        await send_over_tcp(gateway, [frame.raw])
    await eventually(lambda: missing("tcp"), [])
    send_over_udp(gateway, [frame.raw for frame in REFUSED])
    await eventually(lambda: missing("udp"), [])

    assert await missing("tcp") == []
    assert await missing("udp") == []
    nobody = [frame.device_id for frame in unidentified_uplinks()]
    assert nobody
    for table in ("devices", "frames", "reports"):
        query = f"SELECT count(*) FROM fleet.{table} WHERE device_id = ANY($1)"  # noqa: S608 - our own tables
        assert await database.fetchval(query, nobody) == 0, table
