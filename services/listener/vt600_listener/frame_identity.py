"""frame_id of frames that are no records (docs/decisions/0003); that of records is the codec's `record_id`."""

from datetime import datetime
from hashlib import blake2b

from vt600_protocol import Message

_DIGEST_BYTES = 16


def event_id(message: Message, *, session_id: str, received_at: datetime, number: int) -> str:
    """The identity of a frame that is an event of the link and no record: never equal to another one."""
    head = (
        f"{message.device_id}\0{message.dialect}\0{message.code}\0{session_id}\0{received_at.isoformat()}\0{number}\0"
    )
    return blake2b(head.encode() + message.content, digest_size=_DIGEST_BYTES).hexdigest()
