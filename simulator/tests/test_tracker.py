"""A virtual tracker's memory, identity and obedience."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from vt600_protocol import (
    Command,
    CommandReply,
    IntervalSetting,
    Parameters,
    PositionReport,
    ReadInterval,
    ReadParameters,
    SetInterval,
    SetOutput,
    decode_datagram,
    encode_command,
    encode_confirmation,
)
from vt600_simulator.identity import imei, serial_number
from vt600_simulator.route import Route
from vt600_simulator.tracker import Dialect, Tracker

NOW = datetime(2026, 11, 23, 12, 0, 0, 123_456, tzinfo=UTC)


def tracker(dialect: Dialect, *, confirmed: bool = False) -> Tracker:
    device_id = serial_number(7) if dialect == "binary" else imei(7)
    return Tracker(device_id, dialect, "tcp", confirmed_mode=confirmed, interval_s=10, seed=7)


def sent(data: bytes) -> PositionReport:
    (message,) = decode_datagram(data).messages
    assert isinstance(message, PositionReport)
    return message


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_a_report_reads_as_it_was_made(dialect: Dialect) -> None:
    one = tracker(dialect)
    record = one.make_record(NOW, linked=True)
    report = sent(one.frame(record))

    assert report.odometer_m == record.odometer_m
    assert report.device_time == record.report.device_time
    assert report.latitude == pytest.approx(record.report.latitude, abs=1e-6)
    assert report.event == record.report.event


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_no_two_reports_are_the_same_even_in_one_moment(dialect: Dialect) -> None:
    one = tracker(dialect)
    reports = [one.make_record(NOW, linked=True).report for _ in range(500)]
    distinct = {(report.device_time, report.odometer_m) for report in reports}

    assert len(distinct) == 500
    assert reports == sorted(reports, key=lambda report: (report.device_time or NOW, report.odometer_m or 0))


def test_a_record_is_kept_until_its_packet_is_confirmed() -> None:
    one = tracker("ascii", confirmed=True)
    first, second = one.make_record(NOW, linked=True), one.make_record(NOW + timedelta(seconds=1), linked=True)
    frames = [one.frame(first), one.frame(second)]
    first.writes = second.writes = 1
    (answer,) = decode_datagram(encode_confirmation(sent(frames[1])), "device").messages
    one.handle(answer, NOW, "")

    assert (first.confirmed, second.confirmed) == (False, True)
    assert list(one.memory) == [first]


def test_a_record_made_without_a_network_says_that_it_was_stored() -> None:
    one = tracker("ascii")

    assert sent(one.frame(one.make_record(NOW, linked=False))).stored is True
    assert sent(one.frame(one.make_record(NOW, linked=True))).stored is False


@pytest.mark.parametrize(
    ("dialect", "ask", "values"),
    [
        ("binary", ReadInterval(), IntervalSetting(interval_s=30)),
        ("ascii", ReadParameters(code=102), Parameters(code="102", values=("30",))),
        ("ascii", ReadParameters(code=109), None),
    ],
)
def test_it_tells_what_it_was_told(dialect: Dialect, ask: Command, values: object) -> None:
    one = tracker(dialect)
    reactions = []
    for command in (SetInterval(interval_s=30), ask):
        encoded = encode_command(command, device_id=one.device_id, dialect=dialect)
        (frame,) = decode_datagram(encoded.payload, "device").messages
        reactions.append(one.handle(frame, NOW, ""))
    assert reactions[-1] is not None
    (reply,) = decode_datagram(reactions[-1].frames[0]).messages

    assert isinstance(reply, CommandReply)
    assert reply.values == values


@pytest.mark.parametrize("dialect", ["binary", "ascii"])
def test_it_obeys_and_answers(dialect: Dialect) -> None:
    one = tracker(dialect)
    payloads = []
    for command in (SetOutput(output=3, on=True), SetInterval(interval_s=30)):
        encoded = encode_command(command, device_id=one.device_id, dialect=dialect)
        (frame,) = decode_datagram(encoded.payload, "device").messages
        reaction = one.handle(frame, NOW, "")
        assert reaction is not None
        (reply,) = decode_datagram(reaction.frames[0]).messages

        assert isinstance(reply, CommandReply)
        assert reply.ok
        assert reply.code == encoded.reply_code
        payloads.append(encoded.payload)
    assert one.outputs == 0b100
    assert one.interval_s == 30
    assert sent(one.frame(one.make_record(NOW, linked=True))).outputs == 0b100
    assert [command.received for command in one.commands] == payloads


def test_imeis_have_a_right_check_digit() -> None:
    for number in (1, 2, 999):
        digits = [int(digit) for digit in reversed(imei(number))]
        total = sum(digit if place % 2 == 0 else sum(divmod(digit * 2, 10)) for place, digit in enumerate(digits))
        assert total % 10 == 0
        assert len(digits) == 15


def test_a_route_is_plausible_and_the_same_for_the_same_seed() -> None:
    one, other = Route(3), Route(3)
    places = [one.advance(1.0) for _ in range(5000)]

    assert places == [other.advance(1.0) for _ in range(5000)]
    assert max(place.speed_kmh for place in places) < 80
    assert min(place.speed_kmh for place in places) == 0
    for before, after in pairwise(places):
        assert abs(after.speed_kmh - before.speed_kmh) <= 9.1
        assert abs(after.latitude - before.latitude) < 0.0003
