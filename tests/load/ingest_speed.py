"""Ingest, one process: from the topic to committed rows and published reports, beside bare COPY of the same rows."""

import asyncio
import time

import asyncpg
import psutil
from tests.load.bench import Bench, Flood, bench, cpu_s, figure, median

FRAMES = 200_000
BACKLOG = 1_000_000
ROUNDS = 3
COPIED = 100_000
LINKS = 200


def run() -> None:
    rounds = []
    for _ in range(ROUNDS):
        with bench() as servers:
            rounds.append(
                (*_round(servers, FRAMES)[:3], *asyncio.run(_copy(servers.database_url, servers.postgres_pid)))
            )
    rate, cpu, postgres_cpu, copied, copied_cpu = (median([values[at] for values in rounds]) for at in range(5))
    figure("ingest: reports/s from topic to committed", f"{rate:,.0f}", "≥ 20,000")
    figure("  CPU seconds of the process per million", f"{cpu:.1f}", "≤ 40")
    figure("  CPU seconds of PostgreSQL per million", f"{postgres_cpu:.1f}")
    figure("  bare COPY of the same reports and frames, no keys", f"{copied:,.0f}/s, {copied_cpu:.1f} CPU s/million")
    figure(
        "  share of bare COPY by time / by CPU",
        f"{rate / copied:.0%} / {copied_cpu / (cpu + postgres_cpu):.0%}",
        "≥ 50 %",
    )


def run_backlog() -> None:
    with bench() as servers:
        rate, cpu, postgres_cpu, memory = _round(servers, BACKLOG)
    figure(f"ingest: {BACKLOG:,} frames that wait, caught up at", f"{rate:,.0f}/s")
    figure("  CPU seconds per million: process / PostgreSQL", f"{cpu:.1f} / {postgres_cpu:.1f}")
    tenth = max(len(memory) // 10, 1)
    stages = (max(memory[:tenth]), max(memory), max(memory[-tenth:]))
    figure(
        "  resident memory: most in the first tenth / in all / in the last",
        " / ".join(f"{size / 2**20:.0f}" for size in stages) + " MiB",
        "flat",
    )


def _round(servers: Bench, frames: int) -> tuple[float, float, float, list[int]]:
    gateway = servers.gateway
    gateway.migrate()
    gateway.add_listener()
    flood = Flood(gateway.listener_port, links=LINKS, frames=frames)
    flood.begin()
    flood.result()
    asyncio.run(servers.wait_for_uplinks(frames + LINKS))
    flood.close()
    gateway.listener.stop()
    gateway.ingest.launch()
    result = asyncio.run(_follow(servers, frames + LINKS, servers.postgres_pid))
    gateway.ingest.stop()
    stored = servers.query("SELECT count(*) FROM fleet.reports")
    if stored != frames:
        raise RuntimeError(f"{stored} of {frames} reports are stored")
    return result


async def _follow(servers: Bench, total: int, postgres: int) -> tuple[float, float, float, list[int]]:
    """From the first committed batch to the last; the process' memory now and then."""
    ingest = servers.gateway.ingest.pid
    while (first := await servers.gateway.uplinks_ingested()) == 0:
        await asyncio.sleep(0.02)
    began, cpu, postgres_cpu = time.perf_counter(), cpu_s(ingest), cpu_s(postgres)
    process, memory = psutil.Process(ingest), []
    while await servers.gateway.uplinks_ingested() < total:
        memory.append(process.memory_info().rss)
        await asyncio.sleep(0.02)
    count = total - first
    seconds = time.perf_counter() - began
    return (
        count / seconds,
        (cpu_s(ingest) - cpu) / count * 1e6,
        (cpu_s(postgres) - postgres_cpu) / count * 1e6,
        memory,
    )


async def _copy(url: str, postgres: int) -> tuple[float, float]:
    """Reports a second with their frames, and CPU seconds of both ends per million."""
    connection = await asyncpg.connect(url)
    try:
        tables = {}
        for table in ("reports", "frames"):
            found = await connection.fetch(f"SELECT * FROM fleet.{table} LIMIT {COPIED}")  # noqa: S608 - a table of ours
            tables[f"bare_{table}"] = [tuple(row) for row in found]
            await connection.execute(f"CREATE TABLE bare_{table} (LIKE fleet.{table})")
        began, cpu = time.perf_counter(), time.process_time() + cpu_s(postgres)
        for at in range(0, COPIED, 10_000):
            for table, rows in tables.items():
                await connection.copy_records_to_table(table, records=rows[at : at + 10_000])
        seconds, cpu = time.perf_counter() - began, time.process_time() + cpu_s(postgres) - cpu
        return COPIED / seconds, cpu / COPIED * 1e6
    finally:
        await connection.close()
