"""One Kafka producer at a time, replaced when it is broken.

An idempotent aiokafka producer that had one failed batch refuses every later one of that partition, so the object is thrown away
and a new one made; whoever had batches in flight sends them again.
"""

import asyncio
import contextlib
from typing import Any

import structlog
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError

from vt600_bus.settings import KafkaSettings

_MAX_BATCH_BYTES = 1_000_000
_REQUEST_TIMEOUT_S = 15.0
_START_TIMEOUT_S = 10.0
_STOP_TIMEOUT_S = 3.0
_PING_EVERY_S = 1.0
_PING_TIMEOUT_S = 3.0
_RETRY_S = 0.3

log = structlog.get_logger()


class ProducerHandle:
    """A producer and the signal that it must not be used any more."""

    def __init__(self, producer: Any) -> None:  # noqa: ANN401 - aiokafka has no types
        self.producer = producer
        self.broken: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def give_up(self) -> None:
        """Have the producer replaced."""
        if not self.broken.done():
            self.broken.set_result(None)


class ProducerSupply:
    """Keeps one working producer at hand and knows whether the broker answers."""

    def __init__(self, settings: KafkaSettings, *, client_id: str) -> None:
        self._settings = settings
        self._client_id = client_id
        self._handle: ProducerHandle | None = None
        self._ready = asyncio.Event()
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
            handle = ProducerHandle(await self._start())
            self._handle = handle
            self.answering = True
            self._ready.set()
            try:
                await self._watch(handle)
            finally:
                self._ready.clear()
                handle.give_up()
                await self._stop(handle.producer)

    async def _start(self) -> Any:  # noqa: ANN401
        while True:
            producer = AIOKafkaProducer(
                bootstrap_servers=self._settings.bootstrap_servers,
                client_id=self._client_id,
                acks="all",
                enable_idempotence=True,
                compression_type="zstd",
                max_batch_size=_MAX_BATCH_BYTES,
                request_timeout_ms=int(_REQUEST_TIMEOUT_S * 1000),
            )
            try:
                async with asyncio.timeout(_START_TIMEOUT_S):
                    await producer.start()
            except (KafkaError, OSError, TimeoutError) as error:
                log.warning("bus.unreachable", error=str(error) or type(error).__name__)
                await self._stop(producer)
                await asyncio.sleep(_RETRY_S)
            except BaseException:
                await self._stop(producer)
                raise
            else:
                return producer

    async def _watch(self, handle: ProducerHandle) -> None:
        """Ask the broker for a sign of life now and then, until the producer is given up."""
        while not handle.broken.done():
            try:
                async with asyncio.timeout(_PING_TIMEOUT_S):
                    await handle.producer.client.fetch_all_metadata()
            except (KafkaError, OSError, TimeoutError):
                self.answering = False
            else:
                self.answering = True
            await asyncio.wait({handle.broken}, timeout=_PING_EVERY_S)
        log.warning("bus.producer_replaced")

    @staticmethod
    async def _stop(producer: Any) -> None:  # noqa: ANN401
        """End a producer in bounded time: while the broker is away its own stop() waits for ever."""
        with contextlib.suppress(KafkaError, OSError, TimeoutError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await producer.stop()
                return
        with contextlib.suppress(KafkaError, OSError, TimeoutError, AttributeError):
            async with asyncio.timeout(_STOP_TIMEOUT_S):
                await producer._sender.close()  # noqa: SLF001 - stop() gave up before it came to these two
                await producer.client.close()
