"""Hex as people paste it → bytes."""

import re
from typing import Literal

MAX_INPUT_BYTES = 64 * 1024

_BETWEEN = re.compile(r"0x|\\x|[\s:,]", re.IGNORECASE)
_NOT_HEX = re.compile(r"[^0-9a-fA-F]")

InputCode = Literal["invalid_hex", "input_too_long", "invalid_capture"]


class InputError(ValueError):
    """What was given to be explained cannot be read. `code` is a stable word."""

    def __init__(self, code: InputCode, message: str) -> None:
        super().__init__(message)
        self.code = code


def read_hex(text: str, *, max_bytes: int = MAX_INPUT_BYTES) -> bytes:
    """The bytes; white space, colons, commas, `0x` and `\\x` between the digits are skipped. InputError for anything else."""
    digits = _BETWEEN.sub("", text)
    if (odd := _NOT_HEX.search(digits)) is not None:
        raise InputError("invalid_hex", f"this is not hex: it holds {odd[0]!r}")
    if not digits:
        raise InputError("invalid_hex", "this is not hex: it is empty")
    if len(digits) % 2:
        raise InputError("invalid_hex", f"this is not hex: it has an odd number of digits, {len(digits)}")
    if len(digits) > 2 * max_bytes:
        raise InputError(
            "input_too_long", f"{len(digits) // 2} bytes are too many: at most {max_bytes} are read at once"
        )
    return bytes.fromhex(digits)
