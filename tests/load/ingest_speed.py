"""Ingest, one process: from the topic to committed rows and published reports, beside bare COPY of the same rows."""

import asyncio
import time

import asyncpg
from tests.load.bench import Bench, Flood, bench, cpu_s, figure, median

FRAMES = 200_000
ROUNDS = 3
LINKS = 200


def run() -> None:
    rounds = []
    for _ in range(ROUNDS):
        with bench() as servers:
            rounds.append(_round(servers))
    rate, cpu, postgres_cpu, copied = (median([values[at] for values in rounds]) for at in range(4))
    figure("ingest: reports/s from topic to committed", f"{rate:,.0f}", "≥ 15,000")
    figure("  CPU seconds of the process per million", f"{cpu:.1f}", "≤ 40")
    figure("  CPU seconds of PostgreSQL per million", f"{postgres_cpu:.1f}")
    figure("  bare COPY of the same rows into a table without keys", f"{copied:,.0f}/s")
    figure("  share of bare COPY", f"{rate / copied:.0%}")


def _round(servers: Bench) -> tuple[float, float, float, float]:
    gateway = servers.gateway
    gateway.migrate()
    gateway.add_listener()
    flood = Flood(gateway.listener_port, links=LINKS, frames=FRAMES)
    flood.begin()
    flood.result()
    asyncio.run(servers.wait_for_uplinks(FRAMES + LINKS))
    flood.close()
    gateway.listener.stop()
    gateway.ingest.launch()
    rate, cpu, postgres_cpu = asyncio.run(_follow(servers, FRAMES + LINKS))
    gateway.ingest.stop()
    stored = servers.query("SELECT count(*) FROM fleet.reports")
    if stored != FRAMES:
        raise RuntimeError(f"{stored} of {FRAMES} reports are stored")
    return rate, cpu, postgres_cpu, asyncio.run(_copy(servers.database_url))


async def _follow(servers: Bench, total: int) -> tuple[float, float, float]:
    """From the first committed batch to the last."""
    ingest, postgres = servers.gateway.ingest.pid, servers.postgres_pid
    while (first := await servers.gateway.uplinks_ingested()) == 0:
        await asyncio.sleep(0.02)
    began, cpu, postgres_cpu = time.perf_counter(), cpu_s(ingest), cpu_s(postgres)
    while await servers.gateway.uplinks_ingested() < total:
        await asyncio.sleep(0.02)
    count = total - first
    seconds = time.perf_counter() - began
    return (
        count / seconds,
        (cpu_s(ingest) - cpu) / count * 1e6,
        (cpu_s(postgres) - postgres_cpu) / count * 1e6,
    )


async def _copy(url: str) -> float:
    connection = await asyncpg.connect(url)
    try:
        rows = [tuple(row) for row in await connection.fetch("SELECT * FROM fleet.reports LIMIT 100000")]
        await connection.execute("CREATE TABLE bare (LIKE fleet.reports)")
        began = time.perf_counter()
        for at in range(0, len(rows), 5000):
            await connection.copy_records_to_table("bare", records=rows[at : at + 5000])
        return len(rows) / (time.perf_counter() - began)
    finally:
        await connection.close()
