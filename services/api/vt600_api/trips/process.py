"""The parts of the process that works out trips and how they hang together."""

import asyncio

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from vt600_api.ingest.store import StoreConnection
from vt600_api.trips.metrics import TripsMetrics
from vt600_api.trips.settings import TripsSettings
from vt600_api.trips.worker import Worker
from vt600_runtime.probes import Probes

_DRAIN_S = 10.0

_log = structlog.get_logger()


async def run(settings: TripsSettings, stop: asyncio.Event) -> None:
    """The whole process, probes included, until `stop` is set."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    store = StoreConnection(settings.database_url, name="vt600-trips")
    worker = Worker(settings.rules(), connection=store, metrics=TripsMetrics(registry), interval_s=settings.interval_s)
    probes = Probes(host=settings.probes_host, port=settings.probes_port, registry=registry)
    probes.add_check("store", lambda: store.problem)
    async with probes, asyncio.TaskGroup() as tasks:
        _log.info("trips.started", probes_port=probes.port)
        keeping = tasks.create_task(store.keep())
        working = tasks.create_task(worker.run(stop))
        await stop.wait()
        await asyncio.wait({working}, timeout=_DRAIN_S)
        working.cancel()
        keeping.cancel()
    _log.info("trips.stopped")
