"""Listener, one process: binary positions until Kafka has confirmed, beside two bare bounds of the same run."""

import asyncio
import subprocess
import sys
import time

import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from tests.load.bench import Bench, Flood, bench, cpu_s, figure, median

from vt600_bus.topics import UPLINKS
from vt600_local.home import CHECKOUT

FRAMES = 150_000
ROUNDS = 3
_BATCH_BYTES = 512 * 1024


def run() -> None:
    for links in (100, 1000):
        with bench() as servers:
            servers.gateway.listener_settings = {"LISTENER_MAX_LINKS_PER_ADDRESS": "0"}
            listener = servers.gateway.add_listener()
            ours, cutting, producing = [], [], []
            for number in range(ROUNDS):
                ours.append(_listener(servers, listener.pid, links, number))
                cutting.append(_cutter(links))
                producing.append(uvloop.run(_producer(servers)))
        rate, cpu = median([value[0] for value in ours]), median([value[1] for value in ours])
        bare = min(median([value[0] for value in cutting]), median([value[0] for value in producing]))
        figure(f"listener, {links} links: frames/s until Kafka has them", f"{rate:,.0f}", "≥ 25,000")
        figure("  CPU seconds of the process per million", f"{cpu:.1f}", "≤ 40")
        _show("  bare: cut frames only", cutting)
        _show("  bare: batch producer, same values", producing)
        figure("  share of the smaller bound", f"{rate / bare:.0%}", "≥ 50 %")


def _show(name: str, results: list[tuple[float, float]]) -> None:
    rate, cpu = median([value[0] for value in results]), median([value[1] for value in results])
    figure(name, f"{rate:,.0f}/s, {cpu:.1f} s/million")


def _listener(servers: Bench, pid: int, links: int, number: int) -> tuple[float, float]:
    flood = Flood(servers.gateway.listener_port, links=links, frames=FRAMES, first_number=100_000 + number * links)
    asyncio.run(servers.wait_for_uplinks(0))
    before, cpu = asyncio.run(servers.gateway.uplinks_published()), cpu_s(pid)
    flood.begin()
    asyncio.run(servers.wait_for_uplinks(before + FRAMES))
    ended = time.time()
    used = cpu_s(pid) - cpu
    began = flood.result()["began"]
    flood.close()
    return FRAMES / (ended - began), used / FRAMES * 1e6


def _cutter(links: int) -> tuple[float, float]:
    command = [sys.executable, "-m", "tests.load.cutter", str(FRAMES)]
    cutter = subprocess.Popen(command, cwd=CHECKOUT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert cutter.stdout is not None
    assert cutter.stdin is not None
    flood = Flood(int(cutter.stdout.readline()), links=links, frames=FRAMES, login=False)
    cpu = cpu_s(cutter.pid)
    flood.begin()
    cutter.stdout.readline()
    ended, used = time.time(), cpu_s(cutter.pid) - cpu
    began = flood.result()["began"]
    flood.close()
    cutter.stdin.close()
    cutter.wait(10)
    return FRAMES / (ended - began), used / FRAMES * 1e6


async def _producer(servers: Bench) -> tuple[float, float]:
    """The values that the listener wrote, sent again by a bare aiokafka producer in batches."""
    values = await _sample(servers)
    total = FRAMES
    producer = AIOKafkaProducer(
        bootstrap_servers=servers.kafka.bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        compression_type="zstd",
        max_batch_size=1_000_000,
    )
    await producer.start()
    began, cpu = time.perf_counter(), time.process_time()
    await asyncio.gather(
        *(_send(producer, values, partition, total // UPLINKS.partitions) for partition in range(UPLINKS.partitions))
    )
    seconds, used = time.perf_counter() - began, time.process_time() - cpu
    await producer.stop()
    sent = total // UPLINKS.partitions * UPLINKS.partitions
    return sent / seconds, used / sent * 1e6


async def _send(producer: AIOKafkaProducer, values: list[tuple[bytes, bytes]], partition: int, count: int) -> None:
    sent = 0
    while sent < count:
        batch, size = producer.create_batch(), 0
        while sent < count and size < _BATCH_BYTES:
            key, value = values[sent % len(values)]
            batch.append(key=key, value=value, timestamp=None)
            size += len(value)
            sent += 1
        await (await producer.send_batch(batch, UPLINKS.name, partition=partition))


async def _sample(servers: Bench) -> list[tuple[bytes, bytes]]:
    consumer = AIOKafkaConsumer(bootstrap_servers=servers.kafka.bootstrap_servers, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign([TopicPartition(UPLINKS.name, number) for number in range(UPLINKS.partitions)])
        found: list[tuple[bytes, bytes]] = []
        while len(found) < 5000:
            for records in (await consumer.getmany(timeout_ms=500)).values():
                found += [(record.key, record.value) for record in records]
        return found
    finally:
        await consumer.stop()
