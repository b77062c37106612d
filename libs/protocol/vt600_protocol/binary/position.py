"""The text of positions and alarms → PositionReport (SPEC §3.6, §3.7)."""

from functools import lru_cache

from vt600_protocol.binary.alarms import ALARMS
from vt600_protocol.binary.rmc import rmc_latitude, rmc_longitude, rmc_speed_kmh, rmc_time
from vt600_protocol.errors import ContentError
from vt600_protocol.events import EVENTS
from vt600_protocol.messages import Cell, PositionReport
from vt600_protocol.values import altitude, decimal, hex_digits, printable

Meaning = tuple[str | None, str | None, bool]

_DIGITS = frozenset(b"0123456789")
_FIXES = ("A", "V")
_HEX = "0123456789abcdefABCDEF"
_AD_CHARACTERS = _HEX + ","
_EXTERNAL_POWER_BIT = 1 << 13
_ISTARTEK_AD_COUNT = 4
_BLANKS = [""] * 10
UNKNOWN_ALARM: Meaning = (None, None, True)
INTERVAL: Meaning = ("interval", None, False)
# Alarm code → event, event data, whether it is an alarm.
MEANINGS: dict[int, Meaning] = {code: (event, data, EVENTS[event]) for code, (event, data) in ALARMS.items()}


def decode_position(device_id: str, code: str, frame: bytes, content: bytes) -> PositionReport:
    """A `9955`: the data is the text."""
    return read_report(device_id, code, frame, content, content, None, INTERVAL)


def decode_alarm(device_id: str, code: str, frame: bytes, content: bytes) -> PositionReport:
    """A `9999`: one byte says why, then the text. An alarm of unknown code is one: somebody should look at it."""
    if not content or _has_lost_its_code(content):
        return read_report(device_id, code, frame, content, content, None, UNKNOWN_ALARM)
    alarm = content[0]
    return read_report(device_id, code, frame, content, content[1:], alarm, MEANINGS.get(alarm, UNKNOWN_ALARM))


def _has_lost_its_code(content: bytes) -> bool:
    """Six digits before the first dot or comma: the time begins where the code should be (SPEC §3.7)."""
    return len(content) > 6 and content[6:7] in (b".", b",") and _DIGITS.issuperset(content[:6])


def read_report(
    device_id: str,
    code: str,
    frame: bytes,
    content: bytes,
    text: bytes,
    alarm: int | None,
    meaning: Meaning,
) -> PositionReport:
    """The report of a text; `meaning` is its event, event data, and whether it is an alarm."""
    fields = text.decode("latin-1").split("|", 9)
    fields += _BLANKS[len(fields) :]
    places = fields[0].split(",")
    places += _BLANKS[len(places) :]
    time, fix, latitude_text, north, longitude_text, east, knots, course, date = places[:9]
    device_time = rmc_time(time, date)
    latitude = rmc_latitude(latitude_text, north)
    longitude = rmc_longitude(longitude_text, east)
    if latitude is None or longitude is None:
        latitude = longitude = None  # half a place is none
    state = hex_digits(fields[3], 4)
    if state is None and device_time is None and latitude is None and fix not in _FIXES:
        raise ContentError("nothing of the position can be read, neither RMC text nor state")
    analog = _analog(fields[4])
    cell, csq, journey, satellites, driver_text, odd = _tail(fields)
    return PositionReport(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        event=meaning[0],
        event_code=alarm,
        event_data=meaning[1],
        is_alarm=meaning[2],
        confirm=False,
        device_time=device_time,
        fix_valid=fix == "A" and latitude is not None,
        latitude=latitude,
        longitude=longitude,
        speed_kmh=rmc_speed_kmh(knots),
        course_deg=decimal(course),
        altitude_m=altitude(fields[2]),
        hdop=decimal(fields[1]),
        satellites=satellites,
        odometer_m=journey,
        cell=cell,
        csq=csq,
        inputs=None if state is None else state >> 8 & 0x1F,
        outputs=None if state is None else state & 0x1F,
        status=state,
        external_power=state & _EXTERNAL_POWER_BIT != 0
        if state is not None and len(analog) == _ISTARTEK_AD_COUNT
        else None,
        external_v=None,
        battery_v=None,
        analog_raw=analog,
        stored=None,
        pro_code=None,
        fuel=(),
        temperatures=(),
        obd=None,
        driver_text=driver_text,
        unparsed=_unexplained(fields, state, analog, odd),
    )


def _tail(
    fields: list[str],
) -> tuple[Cell | None, int | None, int | None, int | None, str | None, list[str]]:
    """Cell, CSQ, journey, satellites and driver text; last what is none of them, for other makers put their own things there."""
    base, csq_text, journey_text, satellites_text, driver_text = fields[5:]
    cell = _cell(base)
    if cell is None and base:
        return None, None, None, None, None, fields[5:]
    csq, journey, satellites = hex_digits(csq_text, 2), hex_digits(journey_text, 8), hex_digits(satellites_text, 2)
    odd = []
    if csq is None or journey is None or satellites is None:
        read = ((csq, csq_text), (journey, journey_text), (satellites, satellites_text))
        odd = [text for value, text in read if value is None]
    return cell, csq, journey, satellites, printable(driver_text) if driver_text else None, odd


@lru_cache(maxsize=8192)
def _cell(base: str) -> Cell | None:
    """The base id: 16 hex digits, or 20 with a cell id of eight. Units stay in few cells, so they are remembered."""
    if len(base) not in (16, 20) or base.strip(_HEX):
        return None
    return Cell(mcc=int(base[:4], 16), mnc=int(base[4:8], 16), lac=int(base[8:12], 16), cell_id=int(base[12:], 16))


def _analog(text: str) -> tuple[int, ...]:
    """The AD list: four hex digits each, parted by commas; empty when it is anything else."""
    commas = len(text) // 5
    if len(text) % 5 != 4 or text[4::5] != "," * commas or text.count(",") != commas or text.strip(_AD_CHARACTERS):
        return ()
    return tuple([int(value, 16) for value in text.split(",")])


def _unexplained(fields: list[str], state: int | None, analog: tuple[int, ...], odd: list[str]) -> tuple[str, ...]:
    """The texts that are not what the SPEC says, as they came."""
    if state is None:
        odd = [fields[3], *odd] if analog else [fields[3], fields[4], *odd]
    elif not analog:
        odd = [fields[4], *odd]
    return tuple([printable(text) for text in odd if text]) if odd else ()
