from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from vt600_bus.records import DeliveryReport
from vt600_bus.topics import DELIVERY_REPORTS, UPLINKS
from vt600_protocol import Answer, Connection, Identify, Identity, encode_command, encode_login, encode_reply
from vt600_protocol.messages import CommandFrame

if TYPE_CHECKING:
    from conftest import Bench

DEVICE = "143190975469"
REAL_ALARM = bytes.fromhex(
    "2424008D143190975469FF999903"
    + b"104641.000,V,0753.5383,N,09822.1778,E,0.00,0,200120,,*13|0.0|0|2400|0000,0000,0100,0289|0208000517DF00F3688F|08|00001BB6|00".hex()
    + "BE980D0A"
)


async def test_a_real_alarm_becomes_a_record_with_its_bytes_and_fields(bench: "Bench") -> None:
    bench.connect("203.0.113.9").send(REAL_ALARM)
    record = bench.bus.of(UPLINKS)[0]

    assert (record.device_id, record.dialect, record.kind, record.code) == (DEVICE, "binary", "alarm", "9999")
    assert (record.transport, record.peer) == ("tcp", "203.0.113.9:40001")
    assert record.listener_id.startswith("listener-1-")
    assert record.raw == REAL_ALARM
    assert record.received_at == bench.clock.utc_now()
    assert record.report is not None
    assert (record.report.mcc, record.report.mnc, record.report.lac, record.report.cell_id) == (520, 5, 6111, 15952015)
    assert record.report.analog_raw == (0, 0, 256, 649)
    assert record.report.extras is None


async def test_a_record_sent_again_keeps_its_identity_over_links_and_time(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    bench.connect().send(report_frame(DEVICE))
    await bench.clock.advance(3_600)
    bench.connect().send(report_frame(DEVICE))
    first, second = bench.bus.of(UPLINKS)

    assert first.frame_id == second.frame_id
    assert first.session_id != second.session_id


async def test_confirmed_and_unconfirmed_sendings_of_a_record_are_the_same_record(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame("865429043319537", code="000", packet_no="A"))
    tracker.send(report_frame("865429043319537", code="010", packet_no="B"))
    tracker.send(report_frame("865429043319537", code="010", packet_no="B", latitude=1.0))
    identities = [record.frame_id for record in bench.bus.of(UPLINKS)]

    assert identities[0] == identities[1]
    assert identities[0] != identities[2]


async def test_logins_are_events_and_never_the_same_twice(bench: "Bench") -> None:
    tracker = bench.connect()
    tracker.send(encode_login(DEVICE) * 2)
    first, second = bench.bus.of(UPLINKS)

    assert (first.kind, first.code) == ("login", "5000")
    assert first.frame_id != second.frame_id


async def test_a_reply_is_an_uplink_and_a_delivery_report(bench: "Bench") -> None:
    tracker = bench.connect()
    tracker.send(encode_login("123456"))
    unit = Connection("device")
    unit.receive_data(encode_command(Identify(), device_id="123456", dialect="binary").payload)
    command = unit.next_message()
    assert isinstance(command, CommandFrame)
    identity = Identity(serial_number="03785505", imei="353358017784062", firmware="V2.01")
    reply = encode_reply(command, Answer(values=identity))
    tracker.send(reply)
    report = bench.bus.of(DELIVERY_REPORTS)[0]

    assert bench.bus.of(UPLINKS)[-1].kind == "reply"
    assert isinstance(report, DeliveryReport)
    assert (report.outcome, report.code, report.payload) == ("replied", "9001", reply)
    assert report.text == "03785505,353358017784062,V2.01"


async def test_frames_are_counted_by_what_they_are(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    tracker.send(encode_login(DEVICE) + report_frame(DEVICE) * 2)

    assert bench.count("frames_total", transport="tcp", dialect="binary", kind="login") == 1
    assert bench.count("frames_total", transport="tcp", dialect="binary", kind="position") == 2


async def test_the_time_of_arrival_is_that_of_the_read(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE)[:20])
    await bench.clock.advance(5)
    tracker.send(report_frame(DEVICE)[20:])

    assert bench.bus.of(UPLINKS)[0].received_at == bench.clock.utc_now()
    assert bench.clock.utc_now() - bench.listener.lease._started_at == timedelta(seconds=5)
