"""The application: its parts, made in the lifespan and handed over complete."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from importlib.metadata import version

import structlog
from fastapi import FastAPI
from prometheus_client import CollectorRegistry

from vt600_api.alarms.routes import router as alarms_router
from vt600_api.areas.routes import router as areas_router
from vt600_api.auth import KeyRing
from vt600_api.bodies import BodyLimit
from vt600_api.campaigns.routes import router as campaigns_router
from vt600_api.commands.routes import router as commands_router
from vt600_api.commands.sequences import router as sequences_router
from vt600_api.database import connector, create_engine, create_session_factory, pool_use
from vt600_api.database_watch import DatabaseWatch
from vt600_api.dependencies import Services
from vt600_api.desired.routes import router as desired_router
from vt600_api.devices.routes import router as devices_router
from vt600_api.errors import install_handlers
from vt600_api.exports.connections import ExportConnections
from vt600_api.exports.routes import router as exports_router
from vt600_api.links.routes import router as links_router
from vt600_api.live.feed import FEED_TOPICS, run_feed
from vt600_api.live.hub import Hub
from vt600_api.live.routes import router as live_router
from vt600_api.metrics import ApiMetrics, Measure
from vt600_api.pending.routes import router as pending_router
from vt600_api.positions.routes import router as positions_router
from vt600_api.rejects.routes import router as rejects_router
from vt600_api.settings import ApiSettings
from vt600_api.summaries.routes import router as summaries_router
from vt600_api.tools.routes import router as tools_router
from vt600_api.traces import CallersTrace
from vt600_api.tracks.routes import router as tracks_router
from vt600_api.trips.routes import router as trips_router
from vt600_bus import Follower, KafkaSettings, Publisher
from vt600_runtime.probes import Probes
from vt600_runtime.tracing import OFF, Tracer

_MAX_BODY_BYTES = 64 * 1024
_ROUTERS = (
    devices_router,
    links_router,
    pending_router,
    positions_router,
    tracks_router,
    trips_router,
    summaries_router,
    exports_router,
    areas_router,
    alarms_router,
    rejects_router,
    commands_router,
    sequences_router,
    campaigns_router,
    desired_router,
    live_router,
    tools_router,
)

log = structlog.get_logger()


def create_app(settings: ApiSettings, kafka: KafkaSettings, tracer: Tracer = OFF) -> FastAPI:
    """The application; its parts live as long as its lifespan."""

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        registry = CollectorRegistry()
        hub = Hub(queue_messages=settings.stream_queue_messages)
        async with AsyncExitStack() as stack:
            engine = create_engine(settings.database_url, pool_size=settings.database_pool_size)
            stack.push_async_callback(engine.dispose)
            metrics = ApiMetrics(registry, clients=lambda: len(hub.clients), pool_use=pool_use(engine))
            sessions = create_session_factory(engine)
            publisher = await stack.enter_async_context(Publisher(kafka, client_id="vt600-api", linger_s=0))
            follower = await stack.enter_async_context(
                Follower(kafka, FEED_TOPICS, client_id="vt600-api-feed", start="end")
            )
            watch = DatabaseWatch(engine)
            probes = Probes(host=settings.probes_host, port=settings.probes_port, registry=registry)
            probes.add_check("database", lambda: watch.problem)
            probes.add_check("kafka", lambda: None if publisher.healthy else "the broker does not answer")
            probes.add_check("feed", lambda: None if follower.caught_up.is_set() else "the live feed is not there yet")
            await stack.enter_async_context(probes)
            app.state.probes = probes
            app.state.metrics = metrics
            app.state.services = Services(
                settings=settings,
                sessions=sessions,
                statements=create_session_factory(engine.execution_options(isolation_level="AUTOCOMMIT")),
                keys=KeyRing(sessions, cache_s=settings.key_cache_s),
                exports=ExportConnections(
                    connector(settings.database_url),
                    at_once=settings.exports_at_once,
                    query_timeout_s=settings.query_timeout_s,
                ),
                publisher=publisher,
                turns=asyncio.Semaphore(max(settings.database_pool_size // 2, 1)),
                hub=hub,
                metrics=metrics,
                tracer=tracer,
            )
            tasks = await stack.enter_async_context(asyncio.TaskGroup())
            running = [tasks.create_task(run_feed(follower, hub)), tasks.create_task(watch.run())]
            log.info("api.started", port=settings.port, probes_port=probes.port)
            try:
                yield
            finally:
                for task in running:
                    task.cancel()
                log.info("api.stopped")

    app = FastAPI(
        title="vt600-gateway",
        version=version("vt600-api"),
        summary="Positions, telemetry, alarms and commands of VT600 trackers.",
        lifespan=lifespan,
        redoc_url=None,
    )
    install_handlers(app)
    app.add_middleware(BodyLimit, max_bytes=_MAX_BODY_BYTES)
    app.add_middleware(Measure)
    if tracer.on:
        app.add_middleware(CallersTrace)
    for router in _ROUTERS:
        app.include_router(router)
    return app
