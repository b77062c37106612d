"""What a client does while the bus is away: one line when it goes and for each new reason, one when it is back, and growing pauses
between tries.
"""

import asyncio

import structlog
from aiokafka.conn import collect_hosts, create_conn
from aiokafka.errors import KafkaError

from vt600_bus.settings import KafkaSettings

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0
_LOOK_LIMIT_S = 3.0

log = structlog.get_logger()


class Outage:
    """The outages of one client; `facts` name it in the log."""

    def __init__(self, settings: KafkaSettings, **facts: str) -> None:
        self._settings = settings
        self._facts = facts
        self._reason: str | None = None
        self._pause_s = 0.0

    async def pause(self, error: BaseException) -> None:
        """After a failed try; returns when it is time for the next."""
        reason = await why_unreachable(self._settings) or str(error) or type(error).__name__
        if reason != self._reason:
            log.warning("bus.unreachable", error=reason, **self._facts)
            self._reason = reason
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        await asyncio.sleep(self._pause_s)

    def end(self) -> None:
        """After a try that succeeded."""
        if self._reason is not None:
            self._reason = None
            self._pause_s = 0.0
            log.info("bus.reached", **self._facts)


async def why_unreachable(settings: KafkaSettings) -> str | None:
    """What stands between us and the first broker, None when it lets us in.

    aiokafka's own error says only that no broker did: not whether it was away, or did not like our password, or we its certificate.
    """
    host, port, _family = collect_hosts(settings.bootstrap_servers, randomize=False)[0]
    options = {name: value for name, value in settings.client_options().items() if name != "bootstrap_servers"}
    try:
        async with asyncio.timeout(_LOOK_LIMIT_S):
            connection = await create_conn(host, port, request_timeout_ms=int(_LOOK_LIMIT_S * 1000), **options)
    except (KafkaError, OSError, TimeoutError) as error:
        return f"{host}:{port}: {str(error) or type(error).__name__}"
    connection.close()
    return None
