"""Opaque keyset cursors: where a page ended, so that the next one begins there at any depth."""

import base64
import binascii
import re
from datetime import UTC, datetime
from typing import Any

import orjson

from vt600_api.errors import ApiError

_HASH = re.compile("[0-9a-f]{32}")


def make_cursor(*key: str | datetime) -> str:
    """The cursor behind the row with this key."""
    return base64.urlsafe_b64encode(orjson.dumps(key)).decode().rstrip("=")


def read_cursor(text: str, *kinds: type[str] | type[datetime]) -> tuple[Any, ...]:
    """The key in a cursor; ApiError `invalid_cursor` when we did not make it."""
    try:
        values = orjson.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        return tuple(
            _time(value) if kind is datetime else value for value, kind in zip(map(_text, values), kinds, strict=True)
        )
    except (TypeError, ValueError, OverflowError, binascii.Error):
        raise ApiError(422, "invalid_cursor", "The cursor is none of ours; start without one.") from None


def read_key(text: str | None, *kinds: type[str]) -> tuple[Any, ...] | None:
    """The key of a row at a time, with a hash for its end and `kinds` between; None without a cursor."""
    if text is None:
        return None
    key = read_cursor(text, datetime, *kinds, str)
    if not _HASH.fullmatch(key[-1]):
        raise ApiError(422, "invalid_cursor", "The cursor is none of ours; start without one.")
    return key


def _text(value: object) -> str:
    if not isinstance(value, str) or "\0" in value:
        raise TypeError("not a key")
    return value


def _time(value: str) -> datetime:
    time = datetime.fromisoformat(value)
    if time.tzinfo is None:
        raise ValueError("a time without its offset")
    return time.astimezone(UTC)
