"""What a line of the log says of a record: its place, and the ids that can be found in it, however broken the rest is."""

import msgspec
from msgspec import Struct

from vt600_bus.subscriber import Delivery


class _Ids(Struct):
    device_id: str | None = None
    session_id: str | None = None
    frame_id: str | None = None
    command_id: str | None = None
    attempt: int | None = None
    listener_id: str | None = None


_decoder = msgspec.json.Decoder(_Ids)


def facts_of(delivery: Delivery) -> dict[str, str | int]:
    """Topic, partition and offset, and each id that the record names; of one that is no JSON at least its key."""
    try:
        ids = msgspec.structs.asdict(_decoder.decode(delivery.value or b""))
    except (msgspec.DecodeError, UnicodeDecodeError):
        ids = {}
    place = {"topic": delivery.topic.name, "partition": delivery.partition, "offset": delivery.offset}
    found = {delivery.topic.key: delivery.key, **{name: value for name, value in ids.items() if value is not None}}
    return {**place, **{name: value for name, value in found.items() if value is not None and name != "topic"}}
