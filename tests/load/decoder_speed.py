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
    Dialect,
    EncodedCommand,
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
from vt600_protocol.checksum import byte_sum
from vt600_protocol.dialects import received_by

FRAMES = 30_000
HOSTILE_BYTES = 10_000_000
ROUNDS = 3
_READ_BYTES = 65_536
_DIALECTS: tuple[Dialect, ...] = ("binary", "ascii")
_IDS: dict[Dialect, str] = {"binary": "143190975469", "ascii": "865429043319537"}
_HALF_HEADERS = (b"$", b"&&", b"$$\x08", b"$$\x08\x00", b"&&A400", b"&&A4000,")


def run() -> None:
    for dialect in _DIALECTS:
        report = _report(dialect)
        frame = encode_report(report)
        stream = frame * FRAMES
        bound = _rate(partial(_bare_decode, stream))
        figure(
            f"decode of a `{report.code}` with all its fields, {len(frame)} bytes", *_share(_decode, stream, bound, 70)
        )
        figure("  framing alone: cut and verify", *_share(_cut, stream, bound, 400))
        figure("  bare: cut by length, checksum, str.split", f"{bound:,.0f}/s")
        encoded, joined = _rate(partial(_encode_reports, report)), _rate(partial(_bare_encode, frame))
        figure(f"encode of a `{report.code}`", f"{encoded:,.0f}/s, {encoded / joined:.0%} of bare")
        figure("  bare: str.join, checksum", f"{joined:,.0f}/s")
        command = _command(dialect).payload
        encoded, joined = _rate(partial(_encode_commands, dialect)), _rate(partial(_bare_encode, command))
        figure(f"encode of a command, {dialect}", f"{encoded:,.0f}/s, {encoded / joined:.0%} of bare")
    _hostile(encode_report(_report("binary")))


def _share(work: Callable[[bytes], int], stream: bytes, bound: float, target: int) -> tuple[str, str]:
    rate = _rate(partial(work, stream))
    return f"{rate:,.0f}/s, {rate / bound:.0%} of bare", f"≥ {target},000/s, ≥ 35 %"


def _report(dialect: Dialect) -> PositionReport:
    """A report with every field of SPEC §3.6 or §4.3."""
    binary = dialect == "binary"
    report = PositionReport(
        dialect="binary",
        device_id=_IDS[dialect],
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
    """Frames a second of processor time: the median of some runs, the collector of cycles off."""
    rates = []
    gc.disable()
    for _ in range(ROUNDS):
        began = time.process_time()
        rates.append(work() / (time.process_time() - began))
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


def _bare_decode(stream: bytes) -> int:
    """What every decoder in Python has to do at least."""
    is_binary = stream[:2] == b"$$"
    at = count = 0
    while at < len(stream):
        if is_binary:
            end = at + (stream[at + 2] << 8 | stream[at + 3])
            frame = stream[at:end]
            crc_hqx(frame[:-4], 0xFFFF)
            frame[13:-4].decode("latin-1").split("|")
        else:
            comma = stream.index(b",", at)
            end = comma + int(stream[at + 3 : comma]) + 4
            frame = stream[at:end]
            byte_sum(frame[:-4])
            frame[comma - at + 1 : -4].decode("latin-1").split(",")
        at = end
        count += 1
    return count


def _encode_reports(report: PositionReport) -> int:
    for _ in range(FRAMES):
        encode_report(report)
    return FRAMES


def _bare_encode(frame: bytes) -> int:
    """What every encoder has to do at least: the texts are made already."""
    is_binary = frame[2] <= 8  # the first byte of a length, else a packet number
    separator = "|" if is_binary else ","
    texts = frame[:-4].decode("latin-1").split(separator)
    for _ in range(FRAMES):
        head = separator.join(texts).encode("latin-1")
        if is_binary:
            head + crc_hqx(head, 0xFFFF).to_bytes(2, "big") + b"\r\n"
        else:
            head + b"%02X\r\n" % byte_sum(head)
    return FRAMES


def _command(dialect: Dialect, number: int = 0) -> EncodedCommand:
    command = SetOutput(output=1 + number % 5, on=number % 2 == 0, safe_speed_kmh=10)
    return encode_command(command, device_id=_IDS[dialect], dialect=dialect)


def _encode_commands(dialect: Dialect) -> int:
    for number in range(FRAMES):
        _command(dialect, number)
    return FRAMES


def _hostile(frame: bytes) -> None:
    """The same number of bytes of good frames and of bytes that only look like the beginning of one."""
    good = _rate(partial(_read, frame * (HOSTILE_BYTES // len(frame)), HOSTILE_BYTES))
    figure("reading 10 MB of good frames, with decoding", f"{1e9 / good:.1f} ns per byte")
    for unit in _HALF_HEADERS:
        stream = unit * (HOSTILE_BYTES // len(unit))
        read_on = _rate(partial(_read, stream, len(stream) + 1))
        closed = _rate(partial(_read, stream, 4096))
        times = f"{good / read_on:.2f} × good frames; {1e9 / closed:.2f} ns with the default bound"
        figure(f"  10 MB of {str(unit)[1:]}", f"{1e9 / read_on:.1f} ns per byte", times)


def _read(stream: bytes, max_rubbish_bytes: int) -> int:
    connection = Connection(max_rubbish_bytes=max_rubbish_bytes)
    for at in range(0, len(stream), _READ_BYTES):
        connection.receive_data(stream[at : at + _READ_BYTES])
        _drain(connection)
    connection.receive_eof()
    _drain(connection)
    return len(stream)


def _drain(connection: Connection) -> None:
    while True:
        try:
            if connection.next_message() is None:
                return
        except ProtocolError:
            continue
