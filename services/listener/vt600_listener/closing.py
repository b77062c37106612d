"""Closing many links without having all units come back in the same second."""

import random
from collections.abc import Callable, Iterable

from vt600_listener.clock import Clock
from vt600_listener.session import Link

_SLICE_S = 0.1


async def close_in_slices(
    links: Iterable[Link], *, over_s: float, clock: Clock, close: Callable[[Link], None], wanted: Callable[[], bool]
) -> None:
    """Closes the links in random order, evenly over the whole time however few they are, with jitter, for as long as it is wanted."""
    waiting = list(links)
    random.shuffle(waiting)
    slices = max(1, min(len(waiting), round(over_s / _SLICE_S)))
    for left in range(slices, 0, -1):
        if not waiting or not wanted():
            return
        size = -(-len(waiting) // left)
        for link in waiting[-size:]:
            close(link)
        del waiting[-size:]
        if waiting:
            await clock.sleep(over_s / slices * random.uniform(0.5, 1.5))  # noqa: S311  no secret
