from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from vt600_bus.records import DeliveryReport, Downlink
from vt600_bus.topics import DELIVERY_REPORTS, SESSIONS
from vt600_protocol import Command, RequestPosition, SetOutput, encode_command

if TYPE_CHECKING:
    from conftest import Bench, Tracker

DEVICE = "143190975469"


def make_downlink(
    bench: "Bench", command: Command | None = None, changes: Mapping[str, object] | None = None
) -> Downlink:
    opened = [record for record in bench.bus.of(SESSIONS) if record.state == "open"][-1]
    encoded = encode_command(
        command or SetOutput(output=1, on=True), device_id=opened.device_id, dialect=opened.dialect
    )
    fields: dict[str, object] = {
        "command_id": "command-1",
        "attempt": 1,
        "device_id": opened.device_id,
        "listener_id": "listener-1",
        "session_id": opened.session_id,
        "generation": opened.generation,
        "dispatched_at": bench.clock.utc_now(),
        "deadline_at": bench.clock.utc_now() + timedelta(seconds=60),
        "payload": encoded.payload,
        "reply_code": encoded.reply_code,
        "packet_no": encoded.packet_no,
    }
    return Downlink(**{**fields, **(changes or {})})  # type: ignore[arg-type]  # each test changes a field or two


def reports(bench: "Bench") -> list[DeliveryReport]:
    return bench.bus.of(DELIVERY_REPORTS)


@pytest.fixture
async def tracker(bench: "Bench", report_frame: Callable[..., bytes]) -> "Tracker":
    """A unit that is connected and known."""
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    return tracker


async def test_a_dispatch_is_written_to_its_link_and_reported(bench: "Bench", tracker: "Tracker") -> None:
    downlink = make_downlink(bench)
    bench.listener.downlinks.deliver(downlink)

    assert tracker.transport.take() == downlink.payload
    assert [(report.outcome, report.command_id, report.attempt) for report in reports(bench)] == [
        ("written", "command-1", 1)
    ]


async def test_the_same_attempt_is_never_written_twice(bench: "Bench", tracker: "Tracker") -> None:
    downlink = make_downlink(bench)
    bench.listener.downlinks.deliver(downlink)
    bench.listener.downlinks.deliver(downlink)

    assert tracker.transport.take() == downlink.payload
    assert len(reports(bench)) == 1


async def test_an_attempt_that_was_forgotten_is_not_written_again(
    bench: "Bench", tracker: "Tracker", monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("vt600_listener.downlink._REMEMBERED", 10)
    first = make_downlink(bench)
    bench.listener.downlinks.deliver(first)
    tracker.transport.take()
    await bench.clock.advance(1)
    for number in range(10):
        other = make_downlink(bench, changes={"device_id": "of nobody", "command_id": f"other {number}"})
        bench.listener.downlinks.deliver(other)
    told = len(reports(bench))
    bench.listener.downlinks.deliver(first)

    assert tracker.transport.take() == b""
    assert len(reports(bench)) == told


async def test_another_attempt_of_the_same_command_is_written(bench: "Bench", tracker: "Tracker") -> None:
    bench.listener.downlinks.deliver(make_downlink(bench))
    bench.listener.downlinks.deliver(make_downlink(bench, changes={"attempt": 2}))

    assert [report.attempt for report in reports(bench)] == [1, 2]
    assert tracker.transport.take() == make_downlink(bench).payload * 2


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"device_id": "999"}, "no_such_session"),
        ({"session_id": "another"}, "no_such_session"),
        ({"session_id": "another", "generation": 1}, "stale_generation"),
        ({"generation": 1}, "stale_generation"),
    ],
)
async def test_a_dispatch_for_another_link_is_refused(
    bench: "Bench", tracker: "Tracker", changes: dict[str, object], reason: str
) -> None:
    bench.listener.downlinks.deliver(make_downlink(bench, changes=changes))

    assert tracker.transport.take() == b""
    assert [(report.outcome, report.reason) for report in reports(bench)] == [("refused", reason)]


async def test_nothing_is_written_at_or_after_its_deadline(bench: "Bench", tracker: "Tracker") -> None:
    bench.listener.downlinks.deliver(make_downlink(bench, changes={"deadline_at": bench.clock.utc_now()}))

    assert tracker.transport.take() == b""
    assert reports(bench)[0].reason == "too_late"


async def test_a_peer_that_has_not_read_what_came_before_is_not_written_to(bench: "Bench", tracker: "Tracker") -> None:
    tracker.transport.unread = 1
    bench.listener.downlinks.deliver(make_downlink(bench))

    assert tracker.transport.take() == b""
    assert reports(bench)[0].reason == "unwritable"


async def test_success_answered_though_the_socket_is_dead(bench: "Bench", tracker: "Tracker") -> None:
    tracker.transport.closed = True  # the event loop knows, and has not told the link yet
    bench.listener.downlinks.deliver(make_downlink(bench))

    assert tracker.transport.take() == b""
    assert [(report.outcome, report.reason) for report in reports(bench)] == [("refused", "unwritable")]


async def test_what_was_refused_is_not_written_when_it_is_read_again(bench: "Bench", tracker: "Tracker") -> None:
    tracker.transport.unread = 1
    bench.listener.downlinks.deliver(make_downlink(bench))
    tracker.transport.unread = 0
    bench.listener.downlinks.deliver(make_downlink(bench))

    assert tracker.transport.take() == b""
    assert len(reports(bench)) == 1


async def test_nothing_is_written_that_could_not_be_reported(bench: "Bench", tracker: "Tracker") -> None:
    bench.bus.max_pending_bytes = 0
    bench.listener.downlinks.deliver(make_downlink(bench))

    assert tracker.transport.take() == b""


@pytest.mark.parametrize(("device_id", "code"), [(DEVICE, "9955"), ("865429043319537", "000")])
async def test_the_next_position_answers_position_now(
    bench: "Bench", report_frame: Callable[..., bytes], device_id: str, code: str
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(device_id, code=code))
    downlink = make_downlink(bench, RequestPosition())
    bench.listener.downlinks.deliver(downlink)
    tracker.send(report_frame(device_id, code=code, latitude=1.0))
    tracker.send(report_frame(device_id, code=code, latitude=2.0))
    written, replied = reports(bench)

    assert written.outcome == "written"
    assert (replied.outcome, replied.ok, replied.code) == ("replied", True, code)
    assert (replied.packet_no, replied.certain) == (downlink.packet_no, False)
    assert replied.payload == report_frame(device_id, code=code, latitude=1.0)


async def test_a_position_after_the_deadline_answers_nothing(
    bench: "Bench", tracker: "Tracker", report_frame: Callable[..., bytes]
) -> None:
    bench.listener.downlinks.deliver(make_downlink(bench, RequestPosition()))
    await bench.clock.advance(61)
    tracker.send(report_frame(DEVICE, latitude=1.0))

    assert [report.outcome for report in reports(bench)] == ["written"]


async def test_a_dispatch_waits_for_no_replaced_link(
    bench: "Bench", tracker: "Tracker", report_frame: Callable[..., bytes]
) -> None:
    downlink = make_downlink(bench)
    newer = bench.connect()
    newer.send(report_frame(DEVICE))
    bench.listener.downlinks.deliver(downlink)

    assert newer.transport.take() == b""
    assert reports(bench)[0].reason == "stale_generation"


async def test_a_position_that_says_it_was_asked_for_is_certain(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    device_id = "865429043319537"
    tracker.send(report_frame(device_id, code="000"))
    bench.listener.downlinks.deliver(make_downlink(bench, RequestPosition()))
    tracker.send(report_frame(device_id, code="000", event_code=34))

    assert [(report.outcome, report.certain) for report in reports(bench)] == [("written", True), ("replied", True)]


async def test_a_clock_behind_the_commanders_refuses_what_it_might_write_too_late(
    bench: "Bench", tracker: "Tracker"
) -> None:
    for number, ahead_s in enumerate((2.0, 2.1)):
        now = bench.clock.utc_now() + timedelta(seconds=ahead_s)
        changes = {"command_id": f"{number}", "dispatched_at": now, "deadline_at": now + timedelta(seconds=60)}
        bench.listener.downlinks.deliver(make_downlink(bench, changes=changes))

    assert [(report.outcome, report.reason) for report in reports(bench)] == [
        ("written", None),
        ("refused", "clock_skew"),
    ]
    assert bench.count("dispatch_age_seconds") == pytest.approx(-2.1)
