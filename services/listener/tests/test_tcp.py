from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING

from vt600_bus.topics import SESSIONS, UPLINKS
from vt600_protocol import Connection, LoginReply, encode_login

if TYPE_CHECKING:
    from conftest import Bench

DEVICE = "143190975469"


def read_answer(data: bytes) -> object:
    connection = Connection("device")
    connection.receive_data(data)
    return connection.next_message()


async def test_a_login_is_answered_at_once_while_the_bus_is_healthy(bench: "Bench") -> None:
    tracker = bench.connect()
    tracker.send(encode_login(DEVICE))
    answer = read_answer(tracker.transport.take())

    assert isinstance(answer, LoginReply)
    assert answer.accepted
    assert answer.device_id == DEVICE


async def test_a_login_is_not_answered_while_the_bus_is_not_healthy(bench: "Bench") -> None:
    bench.bus.healthy = False
    tracker = bench.connect()
    tracker.send(encode_login(DEVICE))

    assert tracker.transport.take() == b""
    assert len(bench.bus.of(UPLINKS)) == 1


async def test_invariant_1_a_frame_is_acknowledged_only_after_the_bus_holds_its_record(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame("865429043319537", code="010", packet_no="W"))
    before = tracker.transport.take()
    await bench.bus.hold()

    assert before == b""
    assert tracker.transport.take().startswith(b"$$W22,865429043319537,010,1")
    assert bench.count("confirmations_total") == 1


async def test_invariant_1_a_frame_that_the_bus_lost_is_never_acknowledged(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame("865429043319537", code="010"))
    await bench.bus.fail()

    assert tracker.transport.take() == b""
    assert tracker.transport.closed
    assert bench.count("frames_lost_total") == 1


async def test_every_frame_of_one_read_is_confirmed_with_its_own_packet_number(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(b"".join(report_frame("865429043319537", code="010", packet_no=number) for number in "ABC"))
    await bench.bus.hold()
    answers = tracker.transport.take().split(b"\r\n")

    assert [answer[:3] for answer in answers] == [b"$$A", b"$$B", b"$$C", b""]


async def test_a_compressed_batch_is_confirmed_when_its_raw_bytes_are_durable(bench: "Bench") -> None:
    tracker = bench.connect()
    body = b"&&A24,865429043319537,020,\x01\x02\x03"
    tracker.send(body + f"{sum(body) & 0xFF:02X}\r\n".encode())
    await bench.bus.hold()

    assert bench.bus.of(UPLINKS)[0].kind == "compressed_records"
    assert tracker.transport.take().startswith(b"$$A22,865429043319537,020,1")


async def test_invariant_3_the_newest_link_of_a_device_wins_and_the_older_is_closed(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    older, newer = bench.connect(), bench.connect()
    older.send(report_frame(DEVICE))
    newer.send(report_frame(DEVICE))
    sessions = bench.bus.of(SESSIONS)
    session = bench.listener.sessions.session_of(DEVICE)

    assert older.transport.closed
    assert not newer.transport.closed
    assert session is not None
    assert session.link is newer.link
    assert [(record.state, record.cause) for record in sessions] == [
        ("open", None),
        ("closed", "replaced"),
        ("open", None),
    ]
    assert sessions[2].generation > sessions[0].generation


async def test_invariant_3_the_end_of_an_older_link_does_not_close_the_newer_session(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    older, newer = bench.connect(), bench.connect()
    older.send(report_frame(DEVICE))
    newer.send(report_frame(DEVICE))
    await older.hang_up()

    assert bench.bus.of(SESSIONS)[-1].state == "open"
    assert len(bench.listener.sessions) == 1


async def test_a_peer_that_does_not_read_our_answers_is_closed(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    tracker.link.pause_writing()

    assert tracker.transport.closed
    assert bench.bus.of(SESSIONS)[-1].cause == "not_reading"


async def test_a_confirmation_that_comes_after_the_link_is_gone_is_not_sent(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame("865429043319537", code="010"))
    await tracker.hang_up()
    await bench.bus.hold()

    assert tracker.transport.take() == b""


async def test_idle_links_are_closed_by_their_dialect(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    binary, ascii_unit = bench.connect(), bench.connect()
    binary.send(report_frame(DEVICE))
    ascii_unit.send(report_frame("865429043319537", code="000"))
    await bench.clock.advance(15 * 60 + 1)
    bench.listener.sessions.sweep()
    at_15_minutes = (binary.transport.closed, ascii_unit.transport.closed)
    await bench.clock.advance(15 * 60)
    bench.listener.sessions.sweep()

    assert at_15_minutes == (True, False)
    assert ascii_unit.transport.closed
    assert {record.cause for record in bench.bus.of(SESSIONS) if record.state == "closed"} == {"idle"}


async def test_a_heartbeat_byte_keeps_a_link_open(bench: "Bench", report_frame: Callable[..., bytes]) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    for _ in range(3):
        await bench.clock.advance(10 * 60)
        tracker.send(b"\x00")
        bench.listener.sessions.sweep()

    assert not tracker.transport.closed


async def test_a_link_without_any_frame_is_closed_after_a_minute_whatever_it_sends(bench: "Bench") -> None:
    silent, chatty = bench.connect(), bench.connect()
    for _ in range(7):
        await bench.clock.advance(10)
        chatty.send(b"\x00")
    bench.listener.sessions.sweep()

    assert silent.transport.closed
    assert chatty.transport.closed


async def test_a_half_frame_that_never_ends_is_closed_even_when_bytes_trickle_in(
    bench: "Bench", report_frame: Callable[..., bytes]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    for byte in report_frame(DEVICE)[:5]:
        await bench.clock.advance(10)
        tracker.send(bytes([byte]))
    bench.listener.sessions.sweep()
    await bench.clock.advance(0)

    assert tracker.transport.closed
    assert bench.count("links_closed_total", cause="half_frame") == 1


async def test_a_paused_link_is_never_idle(
    make_bench: "Callable[..., Bench]", report_frame: Callable[..., bytes]
) -> None:
    bench = make_bench(window_frames=1)
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE) * 2)
    await bench.clock.advance(timedelta(hours=1).total_seconds())
    bench.listener.sessions.sweep()

    assert not tracker.transport.closed
