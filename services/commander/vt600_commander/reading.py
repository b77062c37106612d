"""Bytes of the topics that the commander reads → records that it can work with."""

from vt600_bus import Delivery, RecordError, decode
from vt600_bus.records import CommandRequest, DeliveryReport
from vt600_bus.topics import COMMAND_REQUESTS

Record = CommandRequest | DeliveryReport

_MAX_BYTES = 64 * 1024  # what it says comes back in statuses, which must fit their topic


def read(delivery: Delivery) -> Record:
    """The request or report; RecordError for one that is too large or whose times have no zone."""
    if delivery.value is not None and len(delivery.value) > _MAX_BYTES:
        raise RecordError(
            f"{len(delivery.value)} bytes are more than the {_MAX_BYTES} that a request or report may have"
        )
    if delivery.topic is COMMAND_REQUESTS:
        request = decode(CommandRequest, delivery.value)
        times = [request.requested_at, request.deadline_at]
        record: Record = request
    else:
        record = decode(DeliveryReport, delivery.value)
        times = [record.at]
    if any(time is not None and time.tzinfo is None for time in times):
        raise RecordError(f"{type(record).__name__}: a time without its zone")
    return record
