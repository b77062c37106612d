"""Record ↔ bytes. A record that cannot be read raises RecordError, which names the topic's record and the field."""

from functools import cache
from typing import TypeVar

import msgspec
from msgspec import Struct

R = TypeVar("R", bound=Struct)

_encoder = msgspec.json.Encoder()


class RecordError(Exception):
    """Bytes that are not the record they should be."""


@cache
def _decoder(record: type[R]) -> msgspec.json.Decoder[R]:
    return msgspec.json.Decoder(record)


def encode(record: Struct) -> bytes:
    """The record as JSON."""
    return _encoder.encode(record)


def decode(record: type[R], data: bytes | None) -> R:
    """The record that `data` holds. Unknown fields are ignored; a missing or wrong one raises RecordError."""
    if data is None:
        raise RecordError(f"{record.__name__}: the value is empty")
    try:
        decoder: msgspec.json.Decoder[R] = _decoder(record)
        return decoder.decode(data)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RecordError(f"{record.__name__}: {error}") from error
