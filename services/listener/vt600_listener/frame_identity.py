"""frame_id: a hash of what the device would repeat when it sends a frame again (docs/decisions/0003)."""

from datetime import datetime
from hashlib import blake2b

from vt600_protocol import Message

_DIGEST_BYTES = 16
# A unit told to wait for confirmations sends the same record as `010` instead of `000` (SPEC §4.2).
_SAME_KIND = {"010": "000"}


def record_id(message: Message) -> str:
    """The identity of a record: equal for every sending of it, whatever decoder reads it."""
    code = message.code
    head = f"{message.device_id}\0{message.dialect}\0{_SAME_KIND.get(code, code)}\0"
    return blake2b(head.encode() + message.content, digest_size=_DIGEST_BYTES).hexdigest()


def event_id(message: Message, *, session_id: str, received_at: datetime, number: int) -> str:
    """The identity of a frame that is an event of the link and no record: never equal to another one."""
    head = (
        f"{message.device_id}\0{message.dialect}\0{message.code}\0{session_id}\0{received_at.isoformat()}\0{number}\0"
    )
    return blake2b(head.encode() + message.content, digest_size=_DIGEST_BYTES).hexdigest()
