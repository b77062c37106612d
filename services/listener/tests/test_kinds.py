"""Frames that are neither position nor login: what travels on the bus, and what their senders are answered."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from vt600_bus import encode
from vt600_bus.records import Downlink
from vt600_bus.topics import DELIVERY_REPORTS, SESSIONS, UPLINKS
from vt600_protocol import encode_command
from vt600_protocol.ascii.framing import build as build_ascii
from vt600_protocol.binary.framing import build as build_binary
from vt600_protocol.commands.photos import TakePhoto

if TYPE_CHECKING:
    from conftest import Bench

DEVICE = "143190975469"
ASCII_DEVICE = "865429043319537"
RMC = b"104641.000,A,0753.5383,N,09822.1778,E,0.00,0,200120,,*13|0.0|0|2400|0000,0000"


def binary(code: str, data: bytes = b"") -> bytes:
    return build_binary(b"$$", DEVICE, code, data)


def ascii_frame(code: str, data: bytes) -> bytes:
    return build_ascii(b"&&", "A", ASCII_DEVICE, code, data)


@pytest.mark.parametrize(
    ("frame", "kind", "details"),
    [
        (binary("5000"), "login", None),
        (binary("0001"), "heartbeat", None),
        (binary("AA00", b"\1\2"), "unknown", None),
        (binary("0002"), "server_query", None),
        (binary("9901", b"10.1,0,156,0.00,19.61,-34,34.26,21.83,7.91,1033,2.69,6.55,0,0,0"), "engine", {"rpm": 0.0, "coolant_c": -34.0}),
        (binary("9902", b"25,2.40,0.79,22,43,119,3756,75,12"), "engine_totals", {"top_rpm": 3756.0}),
        (binary("9903", b"C1E88,P0195"), "trouble_codes", {"codes": ("C1E88", "P0195")}),
        (binary("9966", b"\0\0\0\x07" * 15 + b"|120340,280606,2400.0000,N,12100.0000,E"), "cards", {"latitude": 24.0}),
        (binary("0800", b"\x02"), "photo_start", {"photo": 2}),
        (binary("9988", b"\x02\0\x03\x01\0abc"), "photo_part", {"photo": 2, "total_bytes": 3, "parts": 1, "part": 0}),
        (binary("0F80", b"\x02"), "photo_end", {"photo": 2}),
        (binary("9002", b"\0\x06"), "reply", {"answers": "9002", "values": {"interval_s": 60}}),
        (ascii_frame("129", b"OK"), "reply", {"ok": True, "text": "OK"}),
        (ascii_frame("710", b"T1,\r\n"), "serial_data", None),
        (ascii_frame("020", b"\0\xff"), "compressed_records", None),
    ],
)  # fmt: skip
async def test_each_kind_travels_with_its_bytes_and_its_fields(
    bench: "Bench", frame: bytes, kind: str, details: dict[str, Any] | None
) -> None:
    bench.connect().send(frame)
    (uplink,) = bench.bus.of(UPLINKS)

    assert (uplink.kind, uplink.raw, uplink.report) == (kind, frame, None)
    assert encode(uplink)
    if details is None:
        assert uplink.details is None
    else:
        assert {name: (uplink.details or {})[name] for name in details} == details


async def test_stored_records_make_an_uplink_each_and_are_the_same_when_they_come_again(bench: "Bench") -> None:
    tracker = bench.connect()
    frame = binary("6688", b"\x02\x00" + RMC + b"\\\x50" + RMC)
    tracker.send(frame * 2)
    uplinks = bench.bus.of(UPLINKS)

    assert [uplink.kind for uplink in uplinks] == ["position", "alarm"] * 2
    assert [uplink.report.event for uplink in uplinks if uplink.report] == ["interval", "power_cut"] * 2
    assert {uplink.raw for uplink in uplinks} == {frame}
    assert len({uplink.frame_id for uplink in uplinks}) == 2


async def test_a_logged_position_is_a_report_and_the_reply_to_a_command(bench: "Bench") -> None:
    bench.connect().send(binary("9016", b"\x2b\x15\0\0\0\x59" + RMC))
    (uplink,), (reply,) = bench.bus.of(UPLINKS), bench.bus.of(DELIVERY_REPORTS)

    assert uplink.kind == "position"
    assert uplink.report is not None
    assert uplink.report.latitude == pytest.approx(7.892305)
    assert (reply.outcome, reply.code) == ("replied", "9016")


async def test_a_photo_is_only_answered_when_its_frames_are_durable(bench: "Bench") -> None:
    tracker = bench.connect()
    tracker.send(binary("0800", b"\x07") + binary("0F80", b"\x07"))
    before = tracker.transport.take()
    await bench.bus.hold()

    assert before == b""
    assert tracker.transport.take() == b"".join(
        build_binary(b"@@", DEVICE, code, data) for code, data in (("8801", b"\x07"), ("6688", b"\x07\0\0"))
    )


async def test_a_framed_heartbeat_is_answered_at_once_in_the_binary_dialect_only(bench: "Bench") -> None:
    unit, other = bench.connect(), bench.connect()
    unit.send(binary("0001"))
    other.send(ascii_frame("030", b"x"))

    assert unit.transport.take() == build_binary(b"@@", DEVICE, "0001", b"\x01")
    assert other.transport.take() == b""


@pytest.mark.parametrize("address", [None, "trackers.example.org:8888"])
async def test_the_servers_address_is_told_when_it_is_known(
    make_bench: Callable[..., "Bench"], address: str | None
) -> None:
    unit = make_bench(public_address=address).connect()
    unit.send(binary("0002"))

    expected = b"" if address is None else build_binary(b"@@", DEVICE, "0002", address.encode())
    assert unit.transport.take() == expected


async def test_the_first_photo_frame_answers_a_request_for_a_photo(
    bench: "Bench", report_frame: Callable[..., bytes], settle: Callable[[], Awaitable[None]]
) -> None:
    tracker = bench.connect()
    tracker.send(report_frame(DEVICE))
    session = bench.bus.of(SESSIONS)[-1]
    encoded = encode_command(TakePhoto(), device_id=DEVICE, dialect="binary")
    bench.listener.downlinks.deliver(
        Downlink(
            command_id="photo",
            attempt=1,
            device_id=DEVICE,
            listener_id=bench.listener.id,
            session_id=session.session_id,
            generation=session.generation,
            dispatched_at=bench.clock.utc_now(),
            deadline_at=bench.clock.utc_now() + timedelta(seconds=60),
            payload=encoded.payload,
            reply_code=encoded.reply_code,
        )
    )
    tracker.send(report_frame(DEVICE, latitude=1.0))  # no answer to it
    tracker.send(binary("0800", b"\x01") + binary("0800", b"\x02"))
    await settle()

    reports = [(report.outcome, report.code) for report in bench.bus.of(DELIVERY_REPORTS)]
    assert reports == [("written", None), ("replied", "0800")]
