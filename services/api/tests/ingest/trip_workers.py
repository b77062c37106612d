"""Workers of trips, as the process has them."""

import asyncio
from typing import Self

from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from vt600_api.ingest.store import StoreConnection
from vt600_api.trips.metrics import TripsMetrics
from vt600_api.trips.spans import Rules
from vt600_api.trips.worker import Worker

RULES = Rules()
PASSES = "vt600_trips_passes_total"


class Workers:
    """Makes workers with connections of their own; `async with` closes them."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._keeping: list[asyncio.Task[None]] = []
        self.registry = CollectorRegistry()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        for task in self._keeping:
            task.cancel()
        await asyncio.gather(*self._keeping, return_exceptions=True)

    def make(self, rules: Rules = RULES) -> Worker:
        """A worker that counts anew."""
        connection = StoreConnection(SecretStr(self._url), name="trips")
        self._keeping.append(asyncio.create_task(connection.keep()))
        self.registry = CollectorRegistry()
        return Worker(rules, connection=connection, metrics=TripsMetrics(self.registry), interval_s=0.01)

    def passes(self, way: str) -> float:
        """Passes of the newest worker."""
        return self.registry.get_sample_value(PASSES, {"way": way}) or 0.0
