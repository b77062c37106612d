"""What a stream needs to know of a dialect to cut it into frames."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from vt600_protocol.messages import Dialect, Message

FALSE_HEADER = 0
NEEDS_MORE = -1


@dataclass(frozen=True, slots=True)
class Framing:
    """One dialect in one direction.

    `header` matches the start of a plausible frame, `prefix` is its first two bytes. `measure` tells the whole length of the frame
    at an offset, FALSE_HEADER or NEEDS_MORE. `verify` tells what is wrong with the checksum of a frame of right length and end,
    None when it is right. `decode` makes the message.
    """

    dialect: Dialect
    prefix: bytes
    header: re.Pattern[bytes]
    measure: Callable[[bytearray, int], int]
    verify: Callable[[bytes], str | None]
    decode: Callable[[bytes], Message]
