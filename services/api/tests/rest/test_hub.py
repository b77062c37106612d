"""Fan-out to clients that are fast, slow, or too slow."""

import structlog

from vt600_api.live.feed import live_message
from vt600_api.live.hub import Hub, Kind, LiveMessage, Wish
from vt600_bus import Delivery
from vt600_bus.topics import COMMAND_STATUSES, REPORTS


def message(number: int, device_id: str = "1", kind: Kind = "position") -> LiveMessage:
    return LiveMessage(kind, device_id, str(number))


def texts(messages: list[LiveMessage]) -> list[int]:
    return [int(entry.text) for entry in messages]


def test_a_client_gets_what_it_asked_for_in_order() -> None:
    hub = Hub(queue_messages=10)
    everything, alarms, one = hub.join(Wish()), hub.join(Wish(kinds={"alarm"})), hub.join(Wish(devices={"2"}))
    hub.publish([message(1), message(2, kind="alarm"), message(3, "2"), message(4, "2", "command_status")])

    assert texts(everything.take()[0]) == [1, 2, 3, 4]
    assert texts(alarms.take()[0]) == [2]
    assert texts(one.take()[0]) == [3, 4]
    assert not one.wake.is_set()


def test_a_slow_client_keeps_alarms_and_the_newest_position_of_each_device() -> None:
    hub = Hub(queue_messages=6)
    slow = hub.join(Wish())
    hub.publish(
        [message(1, kind="alarm"), message(2), message(3, "2"), message(4), message(5, "2"), message(6), message(7)]
    )
    kept, left_out = slow.take()

    assert texts(kept) == [1, 5, 7]
    assert left_out == 4
    assert slow.behind_since is not None
    assert slow.take() == ([], 0)


def test_a_client_that_cannot_be_helped_is_cut_off_and_costs_nothing_more() -> None:
    hub = Hub(queue_messages=6)
    slow, fast = hub.join(Wish()), hub.join(Wish())
    for number in range(100):
        hub.publish([message(number, kind="alarm")])
        fast.take()

    assert slow.overrun
    assert len(slow.queue) == 0
    assert not fast.overrun


def test_many_devices_at_once_cut_nobody_off() -> None:
    hub = Hub(queue_messages=6)
    client = hub.join(Wish())
    hub.publish([message(number, str(number % 50)) for number in range(200)])
    found, left_out = client.take()
    while client.queue:
        found += client.take()[0]

    assert not client.overrun
    assert texts(found)[-50:] == list(range(150, 200))
    assert left_out + len(found) == 200


def test_a_client_that_left_gets_nothing() -> None:
    hub = Hub(queue_messages=6)
    client = hub.join(Wish())
    hub.leave(client)
    hub.publish([message(1)])

    assert client.take() == ([], 0)


def test_a_record_is_passed_on_as_it_is_with_its_cursor() -> None:
    value = b'{"schema":"vt600.report.v1","kind":"alarm","device_id":"7","new":1}'
    found = live_message(Delivery(REPORTS, 3, 42, "7", value))

    assert found == LiveMessage(
        "alarm", "7", f'{{"type":"alarm","cursor":"vt600.reports.v1-3:42","data":{value.decode()}}}'
    )


def test_what_is_no_record_is_left_out() -> None:
    for value in (None, b"", b"{}", b"\xff", b'{"kind":"dance","device_id":"7"}'):
        assert live_message(Delivery(REPORTS, 0, 0, None, value)) is None
    assert live_message(Delivery(COMMAND_STATUSES, 0, 0, None, b"[]")) is None


def test_a_record_that_is_none_is_a_line_that_names_what_it_is_about() -> None:
    value = b'{"kind":"nonsense","device_id":"7","frame_id":"f"}'
    with structlog.testing.capture_logs() as lines:
        assert live_message(Delivery(REPORTS, 3, 17, "7", value)) is None

    ids = {"device_id": "7", "frame_id": "f", "topic": REPORTS.name, "partition": 3, "offset": 17}
    assert lines[0].items() >= {"event": "feed.record_skipped", **ids}.items()
