"""The codec alone: one process, no I/O; each figure beside a bare bound of the same run."""

import gc
import time
from binascii import crc_hqx
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial

from tests.load.bench import figure, median

from vt600_protocol import (
    Cell,
    Connection,
    Obd,
    PositionReport,
    ProtocolError,
    SensorTemperature,
    SetOutput,
    TankLevel,
    encode_command,
    encode_report,
)
from vt600_protocol.buffer import ReceiveBuffer
from vt600_protocol.dialects import received_by

FRAMES = 30_000
HOSTILE_BYTES = 10_000_000
_READ_BYTES = 65_536
_RUNS = 5


def run() -> None:
    binary, ascii_frame = encode_report(_report("binary")), encode_report(_report("ascii"))
    for name, frame in (("9955", binary), ("000", ascii_frame)):
        stream = frame * FRAMES
        bound = _rate(partial(_bare, stream, len(frame)))
        decoded = _rate(partial(_decode, stream))
        framed = _rate(partial(_cut, stream))
        figure(f"decode of a `{name}` with all its fields, {len(frame)} bytes", f"{decoded:,.0f}/s", "≥ 70,000/s")
        figure(f"  framing and checksum alone, `{name}`", f"{framed:,.0f}/s", "≥ 400,000/s")
        figure("  bare: cut by length, checksum, str.split", f"{bound:,.0f}/s")
        figure("  share of the bare bound: decode, framing", f"{decoded / bound:.0%}, {framed / bound:.0%}", "≥ 35 %")
    for dialect in ("binary", "ascii"):
        report = _report(dialect)
        figure(f"encode of a report, {dialect}", f"{_rate(partial(_repeat, encode_report, report)):,.0f}/s")
    figure("encode of a command", f"{_rate(_encode_commands):,.0f}/s")
    _hostile(binary)


def _report(dialect: str) -> PositionReport:
    """A report with every field of SPEC §3.6 or §4.3."""
    binary = dialect == "binary"
    report = PositionReport(
        dialect="binary",
        device_id="143190975469",
        code="9955",
        packet_no=None,
        raw=b"",
        content=b"",
        event="interval",
        event_code=None,
        event_data=None,
        is_alarm=False,
        confirm=False,
        device_time=datetime(2026, 3, 8, 6, 59, 27, tzinfo=UTC),
        fix_valid=True,
        latitude=-38.058156,
        longitude=145.254798,
        speed_kmh=62.5,
        course_deg=313.0,
        altitude_m=76.0,
        hdop=0.9,
        satellites=11,
        odometer_m=109_075,
        cell=Cell(mcc=505, mnc=2, lac=53360, cell_id=21745714),
        csq=22,
        inputs=2,
        outputs=0,
        status=0x2200,
        external_power=True,
        external_v=None,
        battery_v=None,
        analog_raw=(0, 0, 257, 685),
        stored=None,
        pro_code=None,
        fuel=(),
        temperatures=(),
        obd=None,
        driver_text="%  ^EXAMPLE$TEST$MR.^^?;6007640000000000001=150519700101=?" if binary else None,
        unparsed=(),
    )
    if binary:
        return report
    return replace(
        report,
        dialect="ascii",
        device_id="865429043319537",
        code="000",
        packet_no="A",
        event_code=0,
        status=0x3D,
        analog_raw=(1326, 402, 0, 0),
        pro_code=1,
        fuel=(TankLevel(tank=1, litres=55.5),),
        temperatures=(SensorTemperature(sensor=1, celsius=-4.5), SensorTemperature(sensor=2, celsius=28.8)),
        obd=Obd(
            rpm=686,
            engine_load_pct=33,
            air_flow_g_s=4.5,
            intake_pressure_kpa=44,
            intake_temperature_c=59,
            throttle_pct=14,
            coolant_c=84,
            fuel_rate_l_h=1.1,
            fuel_level="52%",
        ),
    )


def _rate(work: Callable[[], int]) -> float:
    """Frames a second: the median of some runs, the collector of cycles off."""
    rates = []
    gc.disable()
    for _ in range(_RUNS):
        began = time.perf_counter()
        rates.append(work() / (time.perf_counter() - began))
    gc.enable()
    return median(rates)


def _decode(stream: bytes) -> int:
    connection = Connection()
    count = 0
    for at in range(0, len(stream), _READ_BYTES):
        connection.receive_data(stream[at : at + _READ_BYTES])
        while connection.next_message() is not None:
            count += 1
    return count


def _cut(stream: bytes) -> int:
    buffer = ReceiveBuffer(received_by("server"), max_frame_bytes=4096, max_rubbish_bytes=4096)
    count = 0
    for at in range(0, len(stream), _READ_BYTES):
        buffer.feed(stream[at : at + _READ_BYTES])
        while (frame := buffer.next_frame()) is not None:
            assert buffer.framing is not None
            assert buffer.framing.verify(frame) is None
            count += 1
    return count


def _bare(stream: bytes, size: int) -> int:
    """What no decoder in Python can be faster than."""
    binary = stream[:2] == b"$$"
    separator = "|" if binary else ","
    count = 0
    for at in range(0, len(stream), size):
        frame = stream[at : at + size]
        crc_hqx(frame[:-4], 0xFFFF) if binary else sum(frame[:-4])
        frame[13:-4].decode("latin-1").split(separator)
        count += 1
    return count


def _repeat(encode: Callable[[PositionReport], bytes], report: PositionReport) -> int:
    for _ in range(FRAMES // 3):
        encode(report)
    return FRAMES // 3


def _encode_commands() -> int:
    for number in range(FRAMES // 3):
        encode_command(
            SetOutput(output=1 + number % 5, on=number % 2 == 0), device_id="865429043319537", dialect="ascii"
        )
    return FRAMES // 3


def _hostile(frame: bytes) -> None:
    """The same number of bytes of good frames and of bytes that only look like the beginning of one."""
    good = _seconds_per_byte(frame * (HOSTILE_BYTES // len(frame)))
    figure("reading good frames, with decoding", f"{good * 1e9:.1f} ns per byte")
    for name, unit in (("`$`", b"$"), ("`&&`", b"&&"), ("`$$` + length", b"$$\x08\x00"), ("`&&A4000,`", b"&&A4000,")):
        cost = _seconds_per_byte(unit * (HOSTILE_BYTES // len(unit)))
        figure(f"  10 MB of {name}", f"{cost * 1e9:.1f} ns per byte", f"{cost / good:.2f} × good frames")


def _seconds_per_byte(stream: bytes) -> float:
    connection = Connection(max_rubbish_bytes=len(stream) + 1)
    began = time.perf_counter()
    for at in range(0, len(stream), _READ_BYTES):
        connection.receive_data(stream[at : at + _READ_BYTES])
        _drain(connection)
    connection.receive_eof()
    _drain(connection)
    return (time.perf_counter() - began) / len(stream)


def _drain(connection: Connection) -> None:
    while True:
        try:
            if connection.next_message() is None:
                return
        except ProtocolError:
            continue
