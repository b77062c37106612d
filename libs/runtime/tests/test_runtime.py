"""Probes, signals and logs of a process."""

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys

import aiohttp
from prometheus_client import CollectorRegistry, Counter

from vt600_runtime.logs import RareLines
from vt600_runtime.probes import Probes
from vt600_runtime.shutdown import stop_on_signals


async def get(probes: Probes, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as client, client.get(f"http://127.0.0.1:{probes.port}{path}") as answer:
        return answer.status, await answer.text()


async def test_readiness_names_what_stands_against_it() -> None:
    problem: str | None = "the broker does not answer"
    async with Probes(host="127.0.0.1", port=0, registry=CollectorRegistry()) as probes:
        probes.add_check("kafka", lambda: problem)
        before = await get(probes, "/health/ready")
        problem = None
        after = await get(probes, "/health/ready")
        live = await get(probes, "/health/live")

    assert before[0] == 503
    assert json.loads(before[1])["problems"] == {"kafka": "the broker does not answer"}
    assert after[0] == live[0] == 200


async def test_metrics_are_those_of_the_registry() -> None:
    registry = CollectorRegistry()
    Counter("vt600_test_things_total", "Things.", registry=registry).inc(3)
    async with Probes(host="127.0.0.1", port=0, registry=registry) as probes:
        status, text = await get(probes, "/metrics")

    assert status == 200
    assert "vt600_test_things_total 3.0" in text


async def test_a_signal_sets_the_event() -> None:
    stop = stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    async with asyncio.timeout(5):
        await stop.wait()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().remove_signal_handler(number)


def test_a_second_signal_ends_the_process_at_once() -> None:
    code = """
import asyncio, os, signal
from vt600_runtime.shutdown import stop_on_signals
async def main():
    stop = stop_on_signals()
    os.kill(os.getpid(), signal.SIGTERM)
    await stop.wait()
    os.kill(os.getpid(), signal.SIGTERM)
    await asyncio.Event().wait()
asyncio.run(main())
"""
    done = subprocess.run([sys.executable, "-c", code], timeout=30, check=False)

    assert done.returncode == 1


def test_logs_are_one_json_object_a_line_with_the_service_s_name() -> None:
    code = """
import logging, structlog
from vt600_runtime.logs import configure_logs
configure_logs(service="test")
structlog.get_logger().info("session.opened", device_id="1")
structlog.get_logger().debug("not.shown")
logging.getLogger("aiokafka").error("broker away")
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True)
    lines = [json.loads(line) for line in done.stdout.splitlines()]

    assert [line["event"] for line in lines] == ["session.opened", "broker away"]
    assert {line["service"] for line in lines} == {"test"}
    assert lines[0]["device_id"] == "1"


def test_a_library_that_repeats_itself_is_heard_once_in_a_while() -> None:
    limit = RareLines()

    def passed(*names: str) -> int:
        records = [logging.LogRecord(name, logging.ERROR, "", 0, "away", None, None) for name in names]
        return [limit.filter(record) for record in records].count(True)

    assert passed(*["aiokafka.conn", "aiokafka.client"] * 50) == 1
    assert passed(*["uvicorn.error"] * 50) == 50
