"""The parts of the process and how they hang together."""

import asyncio
from dataclasses import dataclass

import structlog
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector

from vt600_api.campaigns.metrics import CampaignsMetrics
from vt600_api.campaigns.runner import Runner
from vt600_api.campaigns.settings import CampaignsSettings
from vt600_api.database import create_engine, create_session_factory
from vt600_api.database_watch import DatabaseWatch
from vt600_api.desired.metrics import DesiredMetrics
from vt600_api.desired.runner import SettingsRunner
from vt600_api.settings import CommandSettings
from vt600_bus import KafkaSettings, Publisher
from vt600_runtime.probes import Probes
from vt600_runtime.tracing import OFF, Tracer

_DRAIN_S = 10.0

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Desk:
    """The way to the commander, and the rules of what may be asked for."""

    settings: CommandSettings
    publisher: Publisher
    tracer: Tracer = OFF


async def run(
    settings: CampaignsSettings,
    commands: CommandSettings,
    kafka: KafkaSettings,
    stop: asyncio.Event,
    tracer: Tracer = OFF,
) -> None:
    """The whole process, probes included, until `stop` is set."""
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    engine = create_engine(settings.database_url, pool_size=2)
    watch = DatabaseWatch(engine)
    publisher = Publisher(kafka, client_id="vt600-campaigns", linger_s=0)
    desk, sessions = Desk(commands, publisher, tracer), create_session_factory(engine)
    interval_s = settings.interval_s
    campaigns = Runner(desk, sessions=sessions, metrics=CampaignsMetrics(registry), interval_s=interval_s)
    desired = SettingsRunner(desk, sessions=sessions, metrics=DesiredMetrics(registry), interval_s=interval_s)
    probes = Probes(host=settings.probes_host, port=settings.probes_port, registry=registry)
    probes.add_check("database", lambda: watch.problem)
    probes.add_check("kafka", lambda: None if publisher.healthy else "the broker does not answer")
    try:
        async with publisher, probes, asyncio.TaskGroup() as tasks:
            _log.info("campaigns.started", probes_port=probes.port)
            watching = tasks.create_task(watch.run())
            working = {tasks.create_task(runner.run(stop)) for runner in (campaigns, desired)}
            await stop.wait()
            await asyncio.wait(working, timeout=_DRAIN_S)
            for task in (*working, watching):
                task.cancel()
    finally:
        await engine.dispose()
    _log.info("campaigns.stopped")
