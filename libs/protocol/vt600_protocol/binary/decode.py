"""Binary uplink frames → messages (SPEC §3.4–§3.7, §3.10)."""

from vt600_protocol.binary.alarms import ALARMS
from vt600_protocol.binary.framing import unpack_id
from vt600_protocol.binary.rmc import rmc_degrees, rmc_speed_kmh, rmc_time
from vt600_protocol.errors import ContentError
from vt600_protocol.events import EVENTS
from vt600_protocol.messages import Cell, CommandReply, Heartbeat, Login, Message, PositionReport, Unknown
from vt600_protocol.values import decimal, hexadecimal, printable

# Reply code → code of the command that it answers (SPEC §3.10); the others answer with their own code.
_REPLIES = {"5100": "4102"}
_FLAG_REPLIES = frozenset(
    [
        "4103",
        "4105",
        "4106",
        "4108",
        "4110",
        "4113",
        "4114",
        "4115",
        "4116",
        "4126",
        "4130",
        "4131",
        "4132",
        "4135",
        "4136",
        "4150",
        "4151",
        "4155",
        "4302",
        "4303",
        "4351",
        "4902",
        "5100",
        "5114",
        "5199",
        "5503",
    ]
)
_VALUE_REPLIES = frozenset(("9001", "9002", "9003"))

_ALTITUDE_LIMIT_M = 20_000
_EXTERNAL_POWER_BIT = 1 << 13
_ISTARTEK_AD_COUNT = 4
_DIGITS = frozenset(b"0123456789")


def decode(frame: bytes) -> Message:
    """The message of a whole frame whose length, end and CRC are right. ContentError when it cannot be read."""
    device_id = unpack_id(frame[4:11])
    if not device_id:
        raise ContentError("the identity is empty", raw=frame, dialect="binary")
    code = frame[11:13].hex().upper()
    content = frame[13:-4]
    if code == "9955":
        return _report(device_id, code, frame, content, content, None)
    if code == "9999":
        alarm, text = _split_alarm(content)
        return _report(device_id, code, frame, content, text, alarm)
    if code == "5000":
        return Login(dialect="binary", device_id=device_id, code=code, packet_no=None, raw=frame, content=content)
    if code == "0001":
        return Heartbeat(dialect="binary", device_id=device_id, code=code, packet_no=None, raw=frame, content=content)
    if code in _FLAG_REPLIES or code in _VALUE_REPLIES:
        return _reply(device_id, code, frame, content)
    return Unknown(
        dialect="binary", device_id=device_id, code=code, packet_no=None, raw=frame, content=content, confirm=False
    )


def _split_alarm(content: bytes) -> tuple[int | None, bytes]:
    """The alarm code and the text behind it; the published samples lost the code in transcription (SPEC §3.7)."""
    head = content[:7]
    if len(head) == 7 and _DIGITS.issuperset(head[:6]) and head[6:7] in (b".", b","):
        return None, content
    return (content[0], content[1:]) if content else (None, content)


def _reply(device_id: str, code: str, frame: bytes, content: bytes) -> CommandReply:
    is_flag = code in _FLAG_REPLIES and bool(content)
    ok = content[0] == 1 if is_flag else None
    text = content.hex().upper() if is_flag or code == "9002" else printable(content.decode("latin-1"))
    return CommandReply(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        answers=_REPLIES.get(code, code),
        ok=ok,
        reason=f"flag {content[0]:02X}" if ok is False else None,
        text=text,
    )


def _event(code: str, alarm: int | None) -> tuple[str | None, str | None, bool]:
    """Event, its data and whether it is an alarm. A `9999` of unknown code is one: somebody should look at it."""
    if code == "9955":
        return "interval", None, False
    if alarm is None or alarm not in ALARMS:
        return None, None, True
    event, data = ALARMS[alarm]
    return event, data, EVENTS[event]


def _report(device_id: str, code: str, frame: bytes, content: bytes, text: bytes, alarm: int | None) -> PositionReport:
    fields = text.decode("latin-1").split("|", 9)
    rmc = fields[0].split(",")
    if len(rmc) < 9:
        raise ContentError(f"the RMC text has {len(rmc)} of 9 fields", raw=frame, dialect="binary")
    event, event_data, is_alarm = _event(code, alarm)
    count = len(fields)
    altitude = decimal(fields[2]) if count > 2 else None
    state = hexadecimal(fields[3], 4) if count > 3 else None
    analog = _analog(fields[4]) if count > 4 else ()
    cell = _cell(fields[5]) if count > 5 else None
    explained = cell is not None or count <= 5 or not fields[5]
    return PositionReport(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        event=event,
        event_code=alarm,
        event_data=event_data,
        is_alarm=is_alarm,
        confirm=False,
        device_time=rmc_time(rmc[0], rmc[8]),
        fix_valid=rmc[1] == "A",
        latitude=rmc_degrees(rmc[2], rmc[3], 90),
        longitude=rmc_degrees(rmc[4], rmc[5], 180),
        speed_kmh=rmc_speed_kmh(rmc[6]),
        course_deg=decimal(rmc[7]),
        altitude_m=altitude if altitude is not None and -_ALTITUDE_LIMIT_M <= altitude <= _ALTITUDE_LIMIT_M else None,
        hdop=decimal(fields[1]) if count > 1 else None,
        satellites=hexadecimal(fields[8], 2) if explained and count > 8 else None,
        odometer_m=hexadecimal(fields[7], 8) if explained and count > 7 else None,
        cell=cell,
        csq=hexadecimal(fields[6], 2) if explained and count > 6 else None,
        inputs=None if state is None else state >> 8 & 0x1F,
        outputs=None if state is None else state & 0x1F,
        status=state,
        external_power=bool(state & _EXTERNAL_POWER_BIT)
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
        driver_text=(fields[9] or None) if explained and count > 9 else None,
        unparsed=_unparsed(fields, state=state, analog=analog, explained=explained),
    )


def _analog(text: str) -> tuple[int, ...]:
    """The AD list: four hex digits each, parted by commas; empty when it is anything else."""
    if len(text) % 5 != 4:
        return ()
    values = tuple(hexadecimal(part, 4) for part in text.split(","))
    return () if None in values else values  # type: ignore[return-value]


def _cell(text: str) -> Cell | None:
    """The base id: 16 hex digits, or 20 with a cell id of eight (SPEC §3.6)."""
    if len(text) not in (16, 20):
        return None
    mcc, mnc, lac = (hexadecimal(text[at : at + 4], 4) for at in (0, 4, 8))
    cell_id = hexadecimal(text[12:])
    if mcc is None or mnc is None or lac is None or cell_id is None:
        return None
    return Cell(mcc=mcc, mnc=mnc, lac=lac, cell_id=cell_id)


def _unparsed(fields: list[str], *, state: int | None, analog: tuple[int, ...], explained: bool) -> tuple[str, ...]:
    """What other makers put into the fields (SPEC §3.6), kept raw."""
    if explained and (len(fields) <= 3 or (state is not None and (analog or len(fields) <= 4))):
        return ()
    kept = fields[3:4] if state is None else []
    kept += fields[4:5] if not analog else []
    kept += [] if explained else fields[5:]
    return tuple(printable(text) for text in kept if text)
