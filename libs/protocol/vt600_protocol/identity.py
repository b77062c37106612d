"""What makes a record the same record, whenever and over whatever link it comes."""

from hashlib import blake2b

from vt600_protocol.messages import Message

_DIGEST_BYTES = 16
# A unit told to wait for confirmations sends the same record as `010` instead of `000` (SPEC §4.2).
_SAME_KIND = {"010": "000"}


def record_id(message: Message) -> str:
    """A hash of what the device repeats when it sends a record again: 32 hex digits, whatever decoder reads it."""
    code = message.code
    head = f"{message.device_id}\0{message.dialect}\0{_SAME_KIND.get(code, code)}\0"
    return blake2b(head.encode() + message.content, digest_size=_DIGEST_BYTES).hexdigest()
