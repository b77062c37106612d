"""Which records are taken at all."""

from datetime import UTC, datetime

import pytest

from vt600_bus import Delivery, RecordError, encode
from vt600_bus.records import CommandRequest, DeliveryReport
from vt600_bus.topics import COMMAND_REQUESTS, DELIVERY_REPORTS
from vt600_commander.reading import read

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
LOCAL = NOON.replace(tzinfo=None)


def request(at: datetime = NOON, deadline_at: datetime | None = None, args: dict[str, object] | None = None) -> bytes:
    record = CommandRequest(
        command_id="c",
        device_id="d",
        action="submit",
        requested_at=at,
        requested_by="test",
        args=args or {},
        deadline_at=deadline_at,
    )
    return encode(record)


def report(at: datetime) -> bytes:
    return encode(
        DeliveryReport(device_id="d", listener_id="l", session_id="s", generation=1, outcome="replied", at=at)
    )


def test_requests_and_reports_are_told_apart_by_their_topic() -> None:
    assert isinstance(read(Delivery(COMMAND_REQUESTS, 0, 0, "d", request())), CommandRequest)
    assert isinstance(read(Delivery(DELIVERY_REPORTS, 0, 0, "d", report(NOON))), DeliveryReport)


@pytest.mark.parametrize("value", [None, b"", b"{", report(NOON), request(LOCAL), request(NOON, LOCAL)])
def test_a_request_that_cannot_be_worked_with_is_refused(value: bytes | None) -> None:
    with pytest.raises(RecordError):
        read(Delivery(COMMAND_REQUESTS, 0, 0, "d", value))


def test_a_report_without_a_time_zone_is_refused() -> None:
    with pytest.raises(RecordError, match="zone"):
        read(Delivery(DELIVERY_REPORTS, 0, 0, "d", report(LOCAL)))


def test_a_request_whose_statuses_might_not_fit_their_topic_is_refused() -> None:
    with pytest.raises(RecordError, match="more than"):
        read(Delivery(COMMAND_REQUESTS, 0, 0, "d", request(args={"x": "y" * 70_000})))
