"""The only place of the listener that reads a clock, so that tests can move it by hand."""

import asyncio
import time
from datetime import UTC, datetime


class Clock:
    """Time as the process has it: monotonic for spans, UTC for records."""

    __slots__ = ()

    def monotonic(self) -> float:
        """Seconds that never go back."""
        return time.monotonic()

    def utc_now(self) -> datetime:
        """The time that records carry."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Waits for a span."""
        await asyncio.sleep(seconds)
