"""decode(encode(x)) is x again, however the bytes arrive; and no bytes break the codec."""

from dataclasses import fields
from datetime import UTC, datetime
from itertools import pairwise
from typing import TYPE_CHECKING

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from vt600_protocol import (
    Cell,
    Connection,
    Obd,
    PositionReport,
    ProtocolError,
    Role,
    SensorTemperature,
    TankLevel,
    decode_datagram,
    encode_report,
)

if TYPE_CHECKING:
    from conftest import Feed

same_fixture = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)

binary_ids = st.from_regex(r"[0-9]{1,14}", fullmatch=True)
ascii_ids = st.from_regex(r"[0-9A-Za-z]{3,16}", fullmatch=True)
packet_numbers = st.characters(min_codepoint=0x3A, max_codepoint=0x7E)

_times = st.datetimes(datetime(2000, 1, 1), datetime(2079, 12, 31), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone here


def _tenths(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda value: value / 10)


_cells = st.builds(
    Cell,
    mcc=st.integers(0, 0x999),
    mnc=st.integers(0, 0x999),
    lac=st.integers(0, 0xFFFF),
    cell_id=st.integers(0, 0xFFFFFFFF),
)


@st.composite
def binary_reports(draw: st.DrawFn) -> PositionReport:
    """A `9955` with all fields; degrees and speeds on the wire's own grid, so that they come back the same."""
    state = draw(st.integers(0, 0xFFFF))
    analog = tuple(draw(st.lists(st.integers(0, 0xFFFF), min_size=1, max_size=8)))
    time = draw(_times)
    return PositionReport(
        dialect="binary",
        device_id=draw(binary_ids),
        code="9955",
        packet_no=None,
        raw=b"",
        content=b"",
        event="interval",
        event_code=None,
        event_data=None,
        is_alarm=False,
        confirm=False,
        device_time=time.replace(microsecond=time.microsecond // 1000 * 1000),
        fix_valid=draw(st.booleans()),
        latitude=_on_grid(draw(st.integers(-90 * 6_000_000, 90 * 6_000_000))),
        longitude=_on_grid(draw(st.integers(-180 * 6_000_000, 180 * 6_000_000))),
        speed_kmh=round(draw(st.integers(0, 4000)) / 10 * 1.852, 3),
        course_deg=draw(_tenths(0, 3599)),
        altitude_m=float(draw(st.integers(-500, 9000))),
        hdop=draw(_tenths(0, 999)),
        satellites=draw(st.integers(0, 40)),
        odometer_m=draw(st.integers(0, 0xFFFFFFFF)),
        cell=draw(_cells),
        csq=draw(st.integers(0, 31)),
        inputs=state >> 8 & 0x1F,
        outputs=state & 0x1F,
        status=state,
        external_power=bool(state & 0x2000) if len(analog) == 4 else None,
        external_v=None,
        battery_v=None,
        analog_raw=analog,
        stored=None,
        pro_code=None,
        fuel=(),
        temperatures=(),
        obd=None,
        driver_text=draw(st.none() | st.from_regex(r"[%;][ -{}~]{1,60}", fullmatch=True)),
        unparsed=(),
    )


def _on_grid(hundred_thousandths: int) -> float:
    """Degrees that `ddmm.mmmmm` can say."""
    degrees, minutes = divmod(abs(hundred_thousandths), 6_000_000)
    value = round(degrees + minutes / 100_000 / 60, 7)
    return -value if hundred_thousandths < 0 else value


_obd = st.builds(
    Obd,
    rpm=st.none() | st.integers(0, 9000),
    engine_load_pct=st.none() | st.integers(0, 100),
    air_flow_g_s=st.none() | _tenths(0, 5000),
    intake_pressure_kpa=st.none() | st.integers(0, 255),
    intake_temperature_c=st.none() | st.integers(-40, 215),
    throttle_pct=st.none() | st.integers(0, 100),
    coolant_c=st.none() | st.integers(-40, 215),
    fuel_rate_l_h=st.none() | _tenths(0, 999),
    fuel_level=st.none() | st.from_regex(r"[0-9]{1,2}[%L]", fullmatch=True),
)


@st.composite
def ascii_reports(draw: st.DrawFn) -> PositionReport:
    """A `000` or `010` with all fields."""
    status = draw(st.integers(0, 0x1FF))
    volts = tuple(draw(st.lists(st.integers(0, 0xFFFF), min_size=2, max_size=5)))
    code = draw(st.sampled_from(("000", "010")))
    return PositionReport(
        dialect="ascii",
        device_id=draw(ascii_ids),
        code=code,
        packet_no=draw(packet_numbers),
        raw=b"",
        content=b"",
        event="speeding",
        event_code=22,
        event_data=draw(st.none() | st.from_regex(r"[0-9A-F]{1,8}", fullmatch=True)),
        is_alarm=True,
        confirm=code == "010",
        device_time=draw(_times).replace(microsecond=0),
        fix_valid=draw(st.booleans()),
        latitude=draw(st.integers(-90_000_000, 90_000_000)) / 1e6,
        longitude=draw(st.integers(-180_000_000, 180_000_000)) / 1e6,
        speed_kmh=float(draw(st.integers(0, 300))),
        course_deg=float(draw(st.integers(0, 359))),
        altitude_m=float(draw(st.integers(-500, 9000))),
        hdop=draw(_tenths(0, 999)),
        satellites=draw(st.integers(0, 40)),
        odometer_m=draw(st.integers(0, 2**40)),
        cell=draw(_cells),
        csq=draw(st.integers(0, 31)),
        inputs=draw(st.integers(0, 0xFF)),
        outputs=draw(st.integers(0, 0xFF)),
        status=status,
        external_power=bool(status & 8),
        external_v=volts[0] / 100,
        battery_v=volts[1] / 100,
        analog_raw=volts,
        stored=not status & 1,
        pro_code=draw(st.integers(1, 200)),
        fuel=tuple(draw(st.lists(st.builds(TankLevel, tank=st.integers(1, 9), litres=_tenths(0, 65535)), max_size=3))),
        temperatures=tuple(
            draw(
                st.lists(
                    st.builds(SensorTemperature, sensor=st.integers(1, 8), celsius=_tenths(-400, 1500)), max_size=3
                )
            )
        ),
        obd=draw(st.none() | _obd),
        driver_text=None,
        unparsed=tuple(draw(st.lists(st.from_regex(r"[0-9A-Za-z ]{1,12}", fullmatch=True), max_size=2))),
    )


def described(report: object) -> dict[str, object]:
    """All fields but those that only decoding fills."""
    assert isinstance(report, PositionReport)
    return {field.name: getattr(report, field.name) for field in fields(report) if field.name not in ("raw", "content")}


def only_message(data: bytes) -> object:
    datagram = decode_datagram(data)
    assert datagram.errors == ()
    assert len(datagram.messages) == 1
    return datagram.messages[0]


@given(binary_reports())
def test_a_binary_report_comes_back_as_it_was(report: PositionReport) -> None:
    assert described(only_message(encode_report(report))) == described(report)


@given(ascii_reports())
def test_an_ascii_report_comes_back_as_it_was(report: PositionReport) -> None:
    assert described(only_message(encode_report(report))) == described(report)


@same_fixture
@given(st.lists(binary_reports() | binary_reports(), min_size=1, max_size=4), st.data())
def test_a_stream_reads_the_same_however_it_is_cut(
    feed: "Feed", reports: list[PositionReport], data: st.DataObject
) -> None:
    stream = b"\0".join(encode_report(report) for report in reports)
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    edges = [0, *cuts, len(stream)]
    pieces = [stream[start:end] for start, end in pairwise(edges)]

    assert feed("server", pieces) == feed("server", [stream])


@settings(deadline=None)
@given(
    st.lists(
        st.binary(max_size=300) | st.sampled_from([b"$$", b"&&", b"\0", b"\r\n", b"$$\0\x11", b"&&A20,"]), max_size=20
    ),
    st.sampled_from(["server", "device"]),
)
@example([b"$$\x08\x00" * 2000], "server")
@example([b"&&A4000," * 2000], "server")
def test_invariant_4_any_bytes_lead_to_a_message_or_a_protocol_error(pieces: list[bytes], role: Role) -> None:
    connection = Connection(role)
    for piece in pieces:
        connection.receive_data(piece)
        closed = False
        while not closed:
            try:
                if connection.next_message() is None:
                    break
            except ProtocolError as error:
                closed = error.closes_stream
        assert connection.buffered_bytes <= 4096
        if closed:
            return
    connection.finish()


@given(binary_reports(), st.integers(0), st.integers(1, 255))
def test_a_changed_byte_never_gives_another_message(report: PositionReport, place: int, flip: int) -> None:
    frame = bytearray(encode_report(report))
    frame[place % len(frame)] ^= flip
    found = decode_datagram(bytes(frame)).messages

    assert found == ()
