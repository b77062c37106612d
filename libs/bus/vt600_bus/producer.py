"""One Kafka producer at a time, replaced when it is broken.

An idempotent aiokafka producer that had one failed batch refuses every later one of that partition, so the object is thrown away
and a new one made; whoever had batches in flight sends them again.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from vt600_bus.outage import Outage
from vt600_bus.settings import KafkaSettings
from vt600_bus.teardown import stop_producer

_MAX_BATCH_BYTES = 2 * 1024 * 1024
_REQUEST_TIMEOUT_S = 15.0
_START_LIMIT_S = 10.0
_PING_EVERY_S = 1.0
_PING_LIMIT_S = 2.0

log = structlog.get_logger()


class ProducerHandle:
    """A producer and the signal that it must not be used any more."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.producer = producer
        self.records_sent = 0
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def give_up(self, reason: str) -> None:
        """Have the producer replaced."""
        if not self.broken.done():
            self.broken.set_result(None)
            log.warning("producer.replaced", reason=reason)

    @asynccontextmanager
    async def while_whole(self) -> AsyncIterator[None]:
        """Raises TimeoutError inside the block as soon as the producer is given up: its own waits may then never end."""
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(None) as limit:
            inside = True

            def leave(_broken: "asyncio.Future[None]") -> None:
                if inside:
                    limit.reschedule(loop.time())

            self.broken.add_done_callback(leave)
            try:
                yield
            finally:
                inside = False
                self.broken.remove_done_callback(leave)


class ProducerSupply:
    """Keeps one working producer at hand and knows whether the broker answers."""

    def __init__(self, settings: KafkaSettings, *, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._handle: ProducerHandle | None = None
        self._ready = asyncio.Event()
        self._outage = Outage(settings, client=client_id)
        self.answering = False

    async def get(self) -> ProducerHandle:
        """The producer of the moment; waits for the first one, or for the replacement of a broken one."""
        while True:
            await self._ready.wait()
            if self._handle is not None and not self._handle.broken.done():
                return self._handle
            self._ready.clear()

    async def run(self) -> None:
        """Make producers for ever; cancelled at shutdown."""
        while True:
            handle = self._handle = ProducerHandle(await self._start())
            self.answering = True
            self._ready.set()
            try:
                await self._watch(handle)
            finally:
                self._ready.clear()
                if not handle.broken.done():
                    handle.broken.set_result(None)
                await stop_producer(handle.producer)

    async def _start(self) -> AIOKafkaProducer:
        while True:
            producer = AIOKafkaProducer(
                **self._settings.client_options(),
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                max_batch_size=_MAX_BATCH_BYTES,
                request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            )
            try:
                async with asyncio.timeout(_START_LIMIT_S):
                    await producer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                self.answering = False
                await stop_producer(producer)
                await self._outage.pause(error)
            except BaseException:
                await stop_producer(producer)
                raise
            else:
                self._outage.end()
                return producer

    async def _watch(self, handle: ProducerHandle) -> None:
        """Ask the broker for a sign of life now and then, until the producer is given up."""
        while not handle.broken.done():
            try:
                async with asyncio.timeout(_PING_LIMIT_S):
                    await handle.producer.client.fetch_all_metadata()
            except (KafkaError, OSError, TimeoutError):
                self.answering = False
            else:
                self.answering = True
            await asyncio.wait({handle.broken}, timeout=_PING_EVERY_S)
