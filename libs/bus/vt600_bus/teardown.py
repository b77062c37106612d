"""Ends Kafka's clients in bounded time and to the last task, whatever the broker does.

While the broker is away their own `stop()` waits for ever, or lets a CancelledError through that nobody asked for; either way it
leaves out what it would have ended next.
"""

import asyncio
from collections.abc import Awaitable, Callable

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError, ProducerClosed

_STOP_LIMIT_S = 3.0
_STEP_LIMIT_S = 1.0


async def stop_producer(producer: AIOKafkaProducer) -> None:
    """What is in flight still has a moment to arrive; then everything ends."""
    if not await _ends(producer.stop, _STOP_LIMIT_S):
        await _ends(producer._sender.close, _STEP_LIMIT_S)  # noqa: SLF001
        await _ends(producer.client.close, _STEP_LIMIT_S)
        producer._message_accumulator.fail_all(ProducerClosed())  # noqa: SLF001 - whoever waits for a batch is free


async def stop_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group when the broker is there; then everything ends."""
    if await _ends(consumer.stop, _STOP_LIMIT_S):
        return
    coordinator, fetcher = consumer._coordinator, consumer._fetcher  # noqa: SLF001
    for name in ("_stop_heartbeat_task", "_stop_commit_offsets_refresh_task"):
        if hasattr(coordinator, name):
            await _ends(getattr(coordinator, name), _STEP_LIMIT_S)
    if fetcher is not None:
        fetches = [fetcher._fetch_task, *fetcher._pending_tasks]  # noqa: SLF001
        for task in fetches:
            task.cancel()
        await asyncio.wait(fetches, timeout=_STEP_LIMIT_S)
    await _ends(consumer._client.close, _STEP_LIMIT_S)  # noqa: SLF001


async def _ends(step: Callable[[], Awaitable[None]], limit_s: float) -> bool:
    """Whether the step came to its end in time. A cancellation that is meant for us passes through."""
    task = asyncio.current_task()
    before = task.cancelling() if task else 0
    try:
        async with asyncio.timeout(limit_s):
            await step()
    except asyncio.CancelledError:
        if task is None or task.cancelling() > before:
            raise
        return False
    except (KafkaError, OSError, TimeoutError):
        return False
    return True
