"""Reports of every shape, on the wire's own grids, so that they come back the same."""

from datetime import UTC, datetime
from typing import TypeVar

from hypothesis import strategies as st

from vt600_protocol import EVENTS, Cell, Obd, PositionReport, SensorTemperature, TankLevel
from vt600_protocol.ascii.events import EVENT_CODES
from vt600_protocol.binary.alarms import ALARMS
from vt600_protocol.values import printable

binary_ids = st.from_regex(r"[0-9]{1,14}", fullmatch=True).filter(lambda text: text.strip("0"))
ascii_ids = st.from_regex(r"[0-9A-Za-z]{3,16}", fullmatch=True).filter(lambda text: text.strip("0"))
packet_numbers = st.characters(min_codepoint=0x3A, max_codepoint=0x7E)

times = st.datetimes(datetime(1980, 1, 1), datetime(2079, 12, 31, 23, 59, 59), timezones=st.just(UTC))  # noqa: DTZ001 - given a zone here


T = TypeVar("T")
GRID = 6_000_000  # hundred-thousandths of a minute in a degree
_NO_EVENT = (None, None, None, False)


def _tenths(low: int, high: int) -> st.SearchStrategy[float]:
    return st.integers(low, high).map(lambda value: value / 10)


_cells = st.builds(
    Cell,
    mcc=st.integers(0, 0x999),
    mnc=st.integers(0, 0x999),
    lac=st.integers(0, 0xFFFF),
    cell_id=st.integers(0, 0xFFFFFFFF),
)


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    return st.none() | strategy


texts = st.text(st.characters(min_codepoint=0x20, max_codepoint=0xFF), min_size=1, max_size=60).map(printable)
plain_texts = st.from_regex(r"[0-9A-Za-z ]{1,12}", fullmatch=True)
_alarms = st.sampled_from([(code, *meaning, EVENTS[meaning[0]]) for code, meaning in ALARMS.items()])
_events = st.sampled_from([(code, *meaning, EVENTS[meaning[0]]) for code, meaning in EVENT_CODES.items()])


@st.composite
def binary_reports(draw: st.DrawFn) -> PositionReport:
    """A `9955` or `9999`; degrees and speeds on the wire's own grid, so that they come back the same."""
    state = draw(maybe(st.integers(0, 0xFFFF)))
    analog = tuple(draw(st.lists(st.integers(0, 0xFFFF), max_size=8)))
    time = draw(maybe(times))
    interval = (None, "interval", None, False)
    event_code, event, event_data, is_alarm = draw(st.just(interval) | _alarms | st.just((0x71, None, None, True)))
    place = draw(maybe(st.tuples(st.integers(-90 * GRID, 90 * GRID), st.integers(-180 * GRID, 180 * GRID))))
    return PositionReport(
        dialect="binary",
        device_id=draw(binary_ids),
        code="9955" if event_code is None else "9999",
        packet_no=None,
        raw=b"",
        content=b"",
        event=event,
        event_code=event_code,
        event_data=event_data,
        is_alarm=is_alarm,
        confirm=False,
        device_time=None if time is None else time.replace(microsecond=time.microsecond // 1000 * 1000),
        fix_valid=place is not None and draw(st.booleans()),
        latitude=None if place is None else on_grid(place[0]),
        longitude=None if place is None else on_grid(place[1]),
        speed_kmh=draw(maybe(st.integers(0, 400_000).map(lambda value: value / 1000))),
        course_deg=draw(maybe(_tenths(0, 3599))),
        altitude_m=draw(maybe(_tenths(-5000, 200_000))),
        hdop=draw(maybe(_tenths(0, 999))),
        satellites=draw(maybe(st.integers(0, 40))),
        odometer_m=draw(maybe(st.integers(0, 0xFFFFFFFF))),
        cell=draw(maybe(_cells)),
        csq=draw(maybe(st.integers(0, 99))),
        inputs=None if state is None else state >> 8 & 0x1F,
        outputs=None if state is None else state & 0x1F,
        status=state,
        external_power=bool(state & 0x2000) if state is not None and len(analog) == 4 else None,
        external_v=None,
        battery_v=None,
        analog_raw=analog,
        stored=None,
        pro_code=None,
        fuel=(),
        temperatures=(),
        obd=None,
        driver_text=draw(maybe(texts)),
        unparsed=(),
    )


def on_grid(hundred_thousandths: int) -> float:
    """Degrees that `ddmm.mmmmm` can say."""
    degrees, minutes = divmod(abs(hundred_thousandths), GRID)
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


_fuel = st.lists(st.builds(TankLevel, tank=st.integers(1, 9), litres=_tenths(0, 65535)), max_size=3)
_temperatures = st.lists(
    st.builds(SensorTemperature, sensor=st.integers(1, 8), celsius=_tenths(-400, 1500)), max_size=3
)


@st.composite
def ascii_reports(draw: st.DrawFn) -> PositionReport:
    """A `000` or `010`, with none to all of its fields."""
    status = draw(maybe(st.integers(0, 0xFFFFFFFF)))
    volts = tuple(draw(st.lists(st.integers(0, 0xFFFF), max_size=5)))
    code = draw(st.sampled_from(("000", "010")))
    time = draw(maybe(times))
    event_code, event, event_data, is_alarm = draw(_events | st.sampled_from(((99, None, None, False), _NO_EVENT)))
    place = draw(maybe(st.tuples(st.integers(-90 * 10**6, 90 * 10**6), st.integers(-180 * 10**6, 180 * 10**6))))
    pro_code = draw(maybe(st.integers(1, 200)))
    extras = draw(st.lists(plain_texts, max_size=2))
    has_driver_text = pro_code == 131 and bool(extras)
    return PositionReport(
        dialect="ascii",
        device_id=draw(ascii_ids),
        code=code,
        packet_no=draw(packet_numbers),
        raw=b"",
        content=b"",
        event=event,
        event_code=event_code,
        event_data=draw(plain_texts) if event_data is None and draw(st.booleans()) else event_data,
        is_alarm=is_alarm,
        confirm=code == "010",
        device_time=None if time is None else time.replace(microsecond=0),
        fix_valid=place is not None and draw(st.booleans()),
        latitude=None if place is None else place[0] / 1e6,
        longitude=None if place is None else place[1] / 1e6,
        speed_kmh=draw(maybe(_tenths(0, 3000))),
        course_deg=draw(maybe(_tenths(0, 3599))),
        altitude_m=draw(maybe(_tenths(-5000, 200_000))),
        hdop=draw(maybe(_tenths(0, 999))),
        satellites=draw(maybe(st.integers(0, 40))),
        odometer_m=draw(maybe(st.integers(0, 2**40))),
        cell=draw(maybe(_cells)),
        csq=draw(maybe(st.integers(0, 31))),
        inputs=draw(maybe(st.integers(0, 0xFF))),
        outputs=draw(maybe(st.integers(0, 0xFF))),
        status=status,
        external_power=None if status is None else bool(status & 8),
        external_v=volts[0] / 100 if volts else None,
        battery_v=volts[1] / 100 if len(volts) > 1 else None,
        analog_raw=volts,
        stored=None if status is None else not status & 1,
        pro_code=pro_code,
        fuel=tuple(draw(_fuel)),
        temperatures=tuple(draw(_temperatures)),
        obd=draw(maybe(_obd)),
        driver_text=",".join(extras) if has_driver_text else None,
        unparsed=() if pro_code == 131 else tuple(extras),
    )
