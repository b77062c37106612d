"""Health, readiness and metrics of a process, on a port of its own."""

import json
from collections.abc import Callable
from types import TracebackType
from typing import Self

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import CONTENT_TYPE_LATEST, generate_latest

Check = Callable[[], str | None]


class Probes:
    """`/health/live` answers while the loop runs, `/health/ready` while no check objects, `/metrics` always."""

    def __init__(self, *, host: str, port: int, registry: CollectorRegistry) -> None:
        self._host = host
        self.port = port
        self._registry = registry
        self._checks: dict[str, Check] = {}
        self._runner: web.AppRunner | None = None

    def add_check(self, name: str, check: Check) -> None:
        """A condition of readiness: None when it holds, else the reason why not."""
        self._checks[name] = check

    def problems(self) -> dict[str, str]:
        """What stands against being ready now: name → reason."""
        found = {name: check() for name, check in self._checks.items()}
        return {name: reason for name, reason in found.items() if reason is not None}

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_get("/health/live", self._live)
        app.router.add_get("/health/ready", self._ready)
        app.router.add_get("/metrics", self._metrics)
        self._runner = web.AppRunner(app, access_log=None)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self.port)
        await site.start()
        self.port = self._runner.addresses[0][1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    async def _live(self, _request: web.Request) -> web.Response:
        return web.json_response({"status": "live"})

    async def _ready(self, _request: web.Request) -> web.Response:
        problems = self.problems()
        body = {"status": "not ready" if problems else "ready", "problems": problems}
        return web.Response(
            text=json.dumps(body), status=503 if problems else 200, content_type="application/json", charset="utf-8"
        )

    async def _metrics(self, _request: web.Request) -> web.Response:
        return web.Response(body=generate_latest(self._registry), headers={"Content-Type": CONTENT_TYPE_LATEST})
