"""The whole gateway on this machine: what starts after what, with which settings, and in which order it stops."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from vt600_local import databases
from vt600_local.console import Console
from vt600_local.databases import Databases
from vt600_local.first_look import FirstLook, now, things_to_try
from vt600_local.home import CHECKOUT, home
from vt600_local.kafka import Kafka
from vt600_local.postgres import Postgres
from vt600_local.server import ServerProcess
from vt600_local.service import Service
from vt600_local.settings import StackSettings
from vt600_local.supervisor import bring_up, keep_running, run_once, stop_in_order

_LOCAL = "127.0.0.1"
_PREFIXES = ("LISTENER", "INGEST", "TRIPS", "CAMPAIGNS", "API", "COMMANDER")


class Stack:
    """Servers, services and fleet; `run` starts and keeps them, `stop` ends them."""

    def __init__(self, settings: StackSettings, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._logs = home() / "logs"
        given = settings.kafka_bootstrap_servers, settings.database_url
        self._kafka = None if given[0] else self._make_kafka()
        self._postgres = None if given[1] else self._make_postgres()
        self._services: list[Service] = []
        self._fleet: Service | None = None
        self._first_look = FirstLook(api_port=settings.api_port, key_file=home() / "api-key")

    async def run(self) -> None:
        """Start everything, say what can be done with it, and keep it running until cancelled."""
        began = now()
        stores = await self._start_servers()
        environment = self._environment(stores)
        await self._start_services(environment)
        await self._first_look.have_key(environment, self._logs / "keys.log")
        device_id = "DEVICE"
        if self._settings.vt600_fleet:
            self._fleet = self._make_fleet(environment)
            await bring_up(self._fleet, self._console, f"of {self._settings.vt600_fleet} simulated trackers drives")
            device_id = await self._first_look.position_since(began)
            self._console.step("the first position can be read")
        await self._welcome(stores, device_id)
        async with asyncio.TaskGroup() as tasks:
            for process in self._processes():
                tasks.create_task(keep_running(process, self._console))

    async def stop(self, hurry: asyncio.Event) -> None:
        """End what runs: trackers, listener, ingest, trips, campaigns, api, commander, then the servers."""
        await stop_in_order(self._processes(), hurry, self._console)

    def _processes(self) -> list[ServerProcess]:
        every = (self._fleet, *self._services, self._kafka, self._postgres)
        return [process for process in every if process is not None]

    async def _start_servers(self) -> Databases:
        """Kafka with its topics beside PostgreSQL with its schemas."""
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self._start_kafka())
            stores = tasks.create_task(self._start_postgres())
        return stores.result()

    async def _start_kafka(self) -> None:
        if self._kafka is not None:
            await bring_up(self._kafka, self._console, f"is ready at {self._kafka.bootstrap_servers}")
        command = [sys.executable, "-m", "vt600_bus", "topics", "apply"]
        said = await run_once("applying the topics", command, self._common(), self._logs / "topics.log")
        self._console.step(said.strip())

    async def _start_postgres(self) -> Databases:
        if self._postgres is not None:
            await bring_up(self._postgres, self._console, f"is ready at {_LOCAL}:{self._postgres.port}")
            stores = await databases.prepare(self._postgres.url, home() / "database-passwords.json")
        else:
            given = self._settings.database_url
            url = "" if given is None else given.get_secret_value()
            await databases.describe(url)
            stores = Databases(api=url, commander=url)
        environment = self._environment(stores)
        async with asyncio.TaskGroup() as tasks:
            for name in ("api", "commander"):
                command = [sys.executable, "-m", f"vt600_{name}.migrate"]
                log = self._logs / f"migrate-{name}.log"
                tasks.create_task(run_once(f"migrating the schema of {name}", command, environment, log))
        self._console.step(f"the schemas are up to date: {await databases.describe(stores.api)}")
        return stores

    async def _start_services(self, environment: Mapping[str, str]) -> None:
        settings = self._settings
        plan = (
            ("listener", "vt600_listener", settings.listener_probes_port),
            ("ingest", "vt600_api.ingest", settings.ingest_probes_port),
            ("trips", "vt600_api.trips", settings.trips_probes_port),
            ("campaigns", "vt600_api.campaigns", settings.campaigns_probes_port),
            ("api", "vt600_api", settings.api_probes_port),
            ("commander", "vt600_commander", settings.commander_probes_port),
        )
        self._services = [
            Service(name, [module], environment=environment, log=self._logs / f"{name}.log", probes_port=port)
            for name, module, port in plan
        ]
        async with asyncio.TaskGroup() as tasks:
            for service in self._services:
                tasks.create_task(bring_up(service, self._console))

    def _make_kafka(self) -> Kafka:
        return Kafka(home() / "kafka" / "broker", port=self._settings.vt600_kafka_port, log=self._logs / "kafka.log")

    def _make_postgres(self) -> Postgres:
        return Postgres(home() / "postgres", port=self._settings.vt600_postgres_port, log=self._logs / "postgres.log")

    def _make_fleet(self, environment: Mapping[str, str]) -> Service:
        settings = self._settings
        arguments = (
            f"vt600_simulator fleet --count {settings.vt600_fleet} --host {_LOCAL} --port {settings.listener_port}"
            " --interval 5 --transport mixed --outage-share 0.2 --settle 2"
        )
        return Service("the fleet", arguments.split(), environment=environment, log=self._logs / "fleet.log")

    def _common(self) -> dict[str, str]:
        servers = self._settings.kafka_bootstrap_servers
        if self._kafka is not None:
            servers = self._kafka.bootstrap_servers
        return {**os.environ, "KAFKA_BOOTSTRAP_SERVERS": servers or "", "PYTHONUNBUFFERED": "1"}

    def _environment(self, stores: Databases) -> dict[str, str]:
        """For every process: ours where it matters, what the user set otherwise, this machine only by default."""
        settings = self._settings
        defaults = {f"{name}_PROBES_HOST": _LOCAL for name in _PREFIXES}
        defaults |= {"LISTENER_DRAIN_ACCEPT_S": "0", "LISTENER_DRAIN_S": "2"}  # nobody is sent elsewhere here
        defaults["INGEST_UNREGISTERED"] = "adopt"  # of a pending device only so many frames are kept
        ours = {name: str(port) for name, port in settings.ports().items()}
        urls = {
            "API_DATABASE_URL": stores.api,
            "INGEST_DATABASE_URL": stores.api,
            "TRIPS_DATABASE_URL": stores.api,
            "CAMPAIGNS_DATABASE_URL": stores.api,
            "COMMANDER_DATABASE_URL": stores.commander,
        }
        return {"API_HOST": _LOCAL, **defaults, **self._common(), **ours, **urls}

    async def _welcome(self, stores: Databases, device_id: str) -> None:
        settings = self._settings
        store = await databases.describe(stores.api)
        python = Path(sys.executable)
        python = python.relative_to(CHECKOUT) if python.is_relative_to(CHECKOUT) else python
        servers = self._common()["KAFKA_BOOTSTRAP_SERVERS"]
        self._console.text(
            f"""
The gateway runs, {self._console.elapsed_s:.1f} s after it was asked for.

  REST, WebSocket   http://localhost:{settings.api_port}/v1, described at http://localhost:{settings.api_port}/docs
  trackers          port {settings.listener_port}, TCP and UDP
  Kafka             {servers}
  store             {store}
  logs              {self._logs}
  metrics           http://localhost:{settings.listener_probes_port}/metrics (listener), {settings.ingest_probes_port} (ingest), {settings.api_probes_port} (api), {settings.commander_probes_port} (commander), {settings.trips_probes_port} (trips), {settings.campaigns_probes_port} (campaigns)
"""
        )
        self._console.text(
            things_to_try(api_port=settings.api_port, key=self._first_look.key, device_id=device_id, python=str(python))
        )
        self._console.text("Ctrl-C stops all of it; the data stays (make clean removes it).")
