"""The parts of the commander process and how they hang together."""

import asyncio
import os
import socket
import time
from contextlib import AsyncExitStack, suppress
from datetime import timedelta

import structlog
from prometheus_client import CollectorRegistry

from vt600_bus import DeadLetters, Follower, KafkaSettings, Publisher, Subscriber
from vt600_bus.topics import COMMAND_REQUESTS, DELIVERY_REPORTS
from vt600_commander.commander import Commander
from vt600_commander.database import Store, create_engine, pool_use
from vt600_commander.forgetting import forget_for_ever
from vt600_commander.metrics import CommanderMetrics
from vt600_commander.outbox import Outbox
from vt600_commander.presence import PRESENCE_TOPICS, Presence
from vt600_commander.rules import rules_of
from vt600_commander.settings import CommanderSettings
from vt600_runtime.probes import Probes
from vt600_runtime.tracing import OFF, Tracer

_FLUSH_S = 5.0

log = structlog.get_logger()


async def run(settings: CommanderSettings, kafka: KafkaSettings, stop: asyncio.Event, tracer: Tracer = OFF) -> None:
    """The whole process, probes included, until `stop` is set. Nothing is dispatched before presence is known."""
    client_id = f"vt600-commander-{socket.gethostname()}-{os.getpid()}"
    registry = CollectorRegistry()
    presence = Presence()
    async with AsyncExitStack() as stack:
        engine = create_engine(settings.database_url)
        stack.push_async_callback(engine.dispose)
        metrics = CommanderMetrics(registry, devices=lambda: len(presence), pool_use=pool_use(engine))
        store = Store(engine)
        publisher = await stack.enter_async_context(Publisher(kafka, client_id=client_id, linger_s=0))
        follower = await stack.enter_async_context(
            Follower(kafka, PRESENCE_TOPICS, client_id=f"{client_id}-presence", start="beginning")
        )
        subscriber = await stack.enter_async_context(
            Subscriber(
                kafka,
                group="commander",
                topics=[COMMAND_REQUESTS, DELIVERY_REPORTS],
                client_id=client_id,
                max_records=200,
                fetch_wait_ms=100,
            )
        )
        rules = rules_of(settings)
        outbox = Outbox(store, publisher, metrics, open_window=rules.open_window, tracer=tracer)
        commander = Commander(
            rules,
            store=store,
            presence=presence,
            outbox=outbox,
            dead_letters=DeadLetters(publisher, "commander"),
            metrics=metrics,
            tracer=tracer,
        )
        probes = Probes(host=settings.probes_host, port=settings.probes_port, registry=registry)
        probes.add_check("kafka", lambda: None if publisher.healthy else "the broker does not answer")
        probes.add_check("database", lambda: store.problem)
        probes.add_check("presence", lambda: None if follower.caught_up.is_set() else "links are not known yet")
        probes.add_check("requests", lambda: None if subscriber.assigned else "Kafka has not given out the partitions")
        await stack.enter_async_context(probes)
        log.info("commander.started", probes_port=probes.port)
        async with asyncio.TaskGroup() as tasks:
            working = [
                tasks.create_task(commander.follow_presence(follower)),
                tasks.create_task(_work_once_present(commander, follower, subscriber, presence)),
                tasks.create_task(outbox.run()),
                tasks.create_task(forget_for_ever(store, timedelta(days=settings.keep_days))),
            ]
            await stop.wait()
            for task in working:
                task.cancel()
        with suppress(TimeoutError):  # what stays in the outbox is published by the next commander
            async with asyncio.timeout(_FLUSH_S):
                await outbox.publish_statuses()
                await outbox.note_sent()
        await publisher.flush(_FLUSH_S)
    log.info("commander.stopped")


async def _work_once_present(
    commander: Commander, follower: Follower, subscriber: Subscriber, presence: Presence
) -> None:
    """Presence first; then the bus, the links and the clock."""
    began = time.monotonic()
    await follower.caught_up.wait()
    log.info("presence.rebuilt", devices=len(presence), seconds=round(time.monotonic() - began, 3))
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(commander.follow_bus(subscriber))
        tasks.create_task(commander.follow_links())
        tasks.create_task(commander.follow_clock())
