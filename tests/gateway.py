"""The whole gateway as processes of its own, for black-box tests and benchmarks."""

import asyncio
import os
import subprocess
import sys
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import httpx
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError

from vt600_bus.topics import UPLINKS
from vt600_local.ports import free_port
from vt600_local.service import Service

T = TypeVar("T")

_POLL_S = 0.05
_PREFIXES = ("LISTENER", "INGEST", "TRIPS", "CAMPAIGNS", "API", "COMMANDER")


class Gateway:
    """Listener, ingest, trips, campaigns, api and commander on free ports, on a Kafka and an empty database that exist already."""

    def __init__(
        self,
        folder: Path,
        *,
        kafka_servers: str,
        database_url: str,
        log_level: str = "info",
        settings: Mapping[str, str] | None = None,
    ) -> None:
        self._folder = folder
        self.kafka_servers = kafka_servers
        self.database_url = database_url
        self.listener_port = free_port()
        self.api_port = free_port()
        self._environment = {
            **os.environ,
            "KAFKA_BOOTSTRAP_SERVERS": kafka_servers,
            "INGEST_DATABASE_URL": database_url,
            "TRIPS_DATABASE_URL": database_url,
            "TRIPS_INTERVAL_S": "0.5",
            "CAMPAIGNS_DATABASE_URL": database_url,
            "API_DATABASE_URL": database_url,
            "COMMANDER_DATABASE_URL": database_url,
            "LISTENER_HOST": "127.0.0.1",
            "LISTENER_PORT": str(self.listener_port),
            "LISTENER_DRAIN_ACCEPT_S": "0",
            "LISTENER_DRAIN_S": "2",
            **{f"{prefix}_LOG_LEVEL": log_level for prefix in _PREFIXES},
            "API_HOST": "127.0.0.1",
            "API_PORT": str(self.api_port),
            **(settings or {}),
        }
        self.listener_settings: Mapping[str, str] = {}
        self.listeners: list[Service] = []
        self.ingest = self._service("ingest", "vt600_api.ingest", "INGEST")
        self.trips = self._service("trips", "vt600_api.trips", "TRIPS")
        self.campaigns = self._service("campaigns", "vt600_api.campaigns", "CAMPAIGNS")
        self.api = self._service("api", "vt600_api", "API")
        self.commander = self._service("commander", "vt600_commander", "COMMANDER")
        self._more: list[Service] = []
        self.api_key = ""

    @property
    def api_url(self) -> str:
        """The address of REST."""
        return f"http://127.0.0.1:{self.api_port}"

    @property
    def listener(self) -> Service:
        """The first listener."""
        return self.listeners[0]

    def start(self, *, listeners: int = 1) -> None:
        """Migrate, start everything, and wait until each is ready."""
        self.migrate()
        arguments = ("create", "--name", "e2e", "--scope", "admin")
        self.api_key = self._run("vt600_api.keys", *arguments).strip().splitlines()[-1]
        for _ in range(listeners):
            self.add_listener(start=False)
        services = [*self.listeners, self.ingest, self.trips, self.campaigns, self.api, self.commander]
        for service in services:
            service.launch()
        for service in services:
            service.wait_until_ready()

    def migrate(self) -> None:
        """Make the tables."""
        self._run("vt600_api.migrate")
        self._run("vt600_commander.migrate")

    def add_listener(self, *, start: bool = True) -> Service:
        """One more listener on the same port."""
        number = len(self.listeners)
        extra = {"LISTENER_ID": f"listener-{number}", **self.listener_settings}
        service = self._service(f"listener-{number}", "vt600_listener", "LISTENER", extra)
        self.listeners.append(service)
        if start:
            service.start()
        return service

    def add_ingest(self) -> Service:
        """One more, not started."""
        return self._add("ingest", "vt600_api.ingest", "INGEST")

    def add_commander(self) -> Service:
        """One more, not started."""
        return self._add("commander", "vt600_commander", "COMMANDER")

    def _add(self, name: str, module: str, prefix: str) -> Service:
        self._more.append(self._service(f"{name}-{len(self._more) + 2}", module, prefix))
        return self._more[-1]

    def stop(self) -> None:
        """End everything, the way in first."""
        for service in (
            *self.listeners,
            *self._more,
            self.ingest,
            self.trips,
            self.campaigns,
            self.api,
            self.commander,
        ):
            service.stop()

    async def uplinks_published(self) -> int:
        """Uplink records that Kafka holds."""
        consumer = AIOKafkaConsumer(bootstrap_servers=self.kafka_servers)
        await consumer.start()
        try:
            partitions = [TopicPartition(UPLINKS.name, number) for number in range(UPLINKS.partitions)]
            return int(sum((await consumer.end_offsets(partitions)).values()))
        finally:
            await consumer.stop()

    async def uplinks_ingested(self) -> int:
        """Uplink records that are stored and behind ingest's place."""
        admin = AIOKafkaAdminClient(bootstrap_servers=self.kafka_servers)
        await admin.start()
        try:
            offsets = await admin.list_consumer_group_offsets("ingest")
        except GroupCoordinatorNotAvailableError:
            return 0  # no group ever asked for one
        finally:
            await admin.close()
        return sum(entry.offset for place, entry in offsets.items() if place.topic == UPLINKS.name and entry.offset > 0)

    def client(self) -> httpx.AsyncClient:
        """REST with the key of an administrator."""
        headers = {"Authorization": f"Bearer {self.api_key}"}
        return httpx.AsyncClient(base_url=self.api_url, headers=headers, timeout=10)

    def stream_url(self, query: str = "") -> str:
        """The address of the live stream."""
        return f"ws://127.0.0.1:{self.api_port}/v1/stream?api_key={self.api_key}&{query}"

    def _service(self, name: str, module: str, prefix: str, extra: Mapping[str, str] | None = None) -> Service:
        port = free_port()
        probes = {f"{prefix}_PROBES_HOST": "127.0.0.1", f"{prefix}_PROBES_PORT": str(port)}
        environment = {**self._environment, **probes, **(extra or {})}
        log = self._folder / f"{name}.log"
        return Service(name, [module], environment=environment, log=log, probes_port=port)

    def _run(self, module: str, *arguments: str) -> str:
        command = [sys.executable, "-m", module, *arguments]
        done = subprocess.run(command, env=self._environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout


async def eventually(
    look: Callable[[], Awaitable[T]], wanted: T | Callable[[T], bool], *, timeout_s: float = 30.0
) -> T:
    """Look until it is as wanted; AssertionError with the last look when that does not come."""
    fits: Callable[[T], Any] = wanted if callable(wanted) else lambda found: found == wanted
    deadline = asyncio.get_running_loop().time() + timeout_s
    while True:
        found = await look()
        if fits(found):
            return found
        if asyncio.get_running_loop().time() > deadline:
            raise AssertionError(f"not in {timeout_s:g} s; the last look found {found!r}")
        await asyncio.sleep(_POLL_S)
