"""What a stream needs to know of the dialects to cut it into frames."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from vt600_protocol.messages import Dialect, Message


@dataclass(frozen=True, slots=True, kw_only=True)
class Framing:
    """One dialect in one direction.

    `header` matches a whole plausible header; its one group is the length field. `partial` matches the beginning of a header at
    the very end of what has arrived. `size` tells how long the whole frame is, from the length field and the header's own length.
    `verify` tells what is wrong with the checksum of a frame of right length and end, None when it is right. `decode` makes the
    message.
    """

    dialect: Dialect
    header: re.Pattern[bytes]
    partial: re.Pattern[bytes]
    size: Callable[[bytes, int], int]
    verify: Callable[[bytes], str | None]
    decode: Callable[[bytes], Message]


class Direction:
    """What one side may send: `header` matches a header of any of the `framings`; its group number n belongs to the nth of them."""

    __slots__ = ("framings", "header")

    def __init__(self, *framings: Framing) -> None:
        self.framings = framings
        self.header = re.compile(b"|".join(framing.header.pattern for framing in framings), re.DOTALL)
