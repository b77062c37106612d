"""What a client does while the bus is away: one line when it goes, one when it is back, and growing pauses between tries."""

import asyncio

import structlog

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 2.0

log = structlog.get_logger()


class Outage:
    """The outages of one client; `facts` name it in the log."""

    def __init__(self, **facts: str) -> None:
        self._facts = facts
        self._pause_s = 0.0

    async def pause(self, error: BaseException) -> None:
        """After a failed try; returns when it is time for the next."""
        if not self._pause_s:
            log.warning("bus.unreachable", error=str(error) or type(error).__name__, **self._facts)
        self._pause_s = min(max(self._pause_s * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
        await asyncio.sleep(self._pause_s)

    def end(self) -> None:
        """After a try that succeeded."""
        if self._pause_s:
            self._pause_s = 0.0
            log.info("bus.reached", **self._facts)
