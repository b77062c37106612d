"""What could not be handled."""

from datetime import datetime

from msgspec import Struct


class DeadLetter(Struct, frozen=True, kw_only=True, omit_defaults=True, tag_field="schema", tag="vt600.dead-letter.v1"):
    """A record that a consumer could not handle, with where it stood and why."""

    topic: str
    partition: int
    offset: int
    consumer: str
    error: str
    at: datetime
    key: bytes | None = None
    value: bytes | None = None
