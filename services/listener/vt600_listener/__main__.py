"""`python -m vt600_listener`: settings → objects → tasks until a signal comes."""

import asyncio
import errno
import sys

import structlog
import uvloop
from prometheus_client import CollectorRegistry, PlatformCollector, ProcessCollector
from pydantic import ValidationError

from vt600_bus import Follower, KafkaSettings, Publisher, topics
from vt600_listener.clock import Clock
from vt600_listener.listener import Listener
from vt600_listener.settings import ListenerSettings
from vt600_listener.sockets import raise_file_limit
from vt600_runtime.logs import configure_logs
from vt600_runtime.memory import spare_what_is_loaded
from vt600_runtime.probes import Probes
from vt600_runtime.shutdown import stop_on_signals
from vt600_runtime.tracing import start_tracing

_log = structlog.get_logger()

# The publisher takes more than links may fill, so that what is told about links still finds room.
_ROOM_FOR_NOTICES = 4 / 3
_FLUSH_LIMIT_S = 10.0
_NO_SUCH_PORT = frozenset({errno.EADDRINUSE, errno.EADDRNOTAVAIL, errno.EACCES})


async def run(settings: ListenerSettings, kafka: KafkaSettings) -> None:
    """Serves until the process is told to stop, then leaves in order."""
    stop = stop_on_signals()
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    publisher = Publisher(
        kafka, client_id=settings.id, max_pending_bytes=int(settings.max_pending_bytes * _ROOM_FOR_NOTICES)
    )
    listener = Listener(
        settings,
        publisher=publisher,
        registry=registry,
        clock=Clock(),
        max_files=raise_file_limit(),
        tracer=start_tracing("listener"),
    )
    structlog.contextvars.bind_contextvars(listener_id=listener.id)
    probes = Probes(host=settings.probes_host, port=settings.probes_port, registry=registry)
    probes.add_check("listener", listener.not_ready_because)
    follower = Follower(kafka, [topics.DOWNLINKS], client_id=settings.id, start="end")
    async with probes, publisher, follower:
        async with asyncio.TaskGroup() as tasks:
            running = [
                tasks.create_task(listener.lease.renew_for_ever()),
                tasks.create_task(listener.server.sweep_for_ever()),
                tasks.create_task(listener.server.shed_while_bus_away()),
                tasks.create_task(listener.downlinks.follow(follower)),
            ]
            # A session that others know of before its dispatches are heard would miss some: first listen to the bus.
            await _first_of(follower.caught_up, stop)
            if not stop.is_set():
                await listener.server.open()
                _log.info(
                    "listener.opened",
                    host=settings.host,
                    port=listener.server.port,
                    probes_port=probes.port,
                    udp_receive_buffer_bytes=listener.server.udp_receive_buffer_bytes,
                )
                await stop.wait()
            await listener.drain()
            for task in running:
                task.cancel()
        if not await publisher.flush(_FLUSH_LIMIT_S):
            _log.warning("listener.unflushed", pending_bytes=publisher.pending_bytes)
        listener.server.close()
    _log.info("listener.stopped")


async def _first_of(*events: asyncio.Event) -> None:
    async with asyncio.TaskGroup() as tasks:
        waits = [tasks.create_task(event.wait()) for event in events]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()


def main() -> int:
    """Reads the settings, says what is wrong with them in one line, and runs."""
    try:
        settings = ListenerSettings()
        kafka = KafkaSettings()
    except ValidationError as error:
        configure_logs(service="listener")
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        _log.error("settings.invalid", problems=problems)
        return 2
    configure_logs(service="listener", level=settings.log_level, format=settings.log_format)
    spare_what_is_loaded()
    try:
        uvloop.run(run(settings, kafka))
    except* OSError as errors:
        reasons = [str(problem) for problem in _leaves(errors) if problem.errno in _NO_SUCH_PORT]
        if not reasons:
            raise
        _log.error("listener.failed", problem="; ".join(reasons), port=settings.port, probes_port=settings.probes_port)
        sys.exit(1)
    return 0


def _leaves(group: BaseExceptionGroup[OSError]) -> list[OSError]:
    found: list[OSError] = []
    for error in group.exceptions:
        found += _leaves(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found


if __name__ == "__main__":
    sys.exit(main())
