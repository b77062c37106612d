"""Data of ASCII replies ↔ answers (SPEC §4.7)."""

from vt600_protocol.messages import SensorTemperature
from vt600_protocol.replies import (
    Answer,
    CameraResult,
    CameraResults,
    CardState,
    CardStates,
    Identity,
    Parameters,
    PhotoBytes,
    PhotoList,
    ReplyForm,
    SimCard,
    Temperatures,
    UnitStatus,
    values_of,
)
from vt600_protocol.values import decimal, hex_text, hexadecimal, integer, number_text, printable, wire_text

_REFUSALS = ("UNSUPPORT", "FAILED")
_NO_PHOTOS = "None"


def _word(data: bytes) -> Answer:
    text = printable(data.decode("latin-1")).strip()
    if text.upper() == "OK":
        return Answer(ok=True)
    return Answer(ok=False, reason=text) if text.upper() in _REFUSALS else Answer()


def _write_word(answer: Answer) -> bytes:
    if answer.ok is None:
        raise ValueError("this reply is OK, Unsupport or Failed")
    return b"OK" if answer.ok else (answer.reason or "Failed").encode("latin-1")


def _texts(data: bytes) -> list[str]:
    return printable(data.decode("latin-1")).split(",") if data else []


def _pairs(data: bytes) -> list[tuple[str, str]]:
    """`a:b,c:d` as pairs; what has no colon has an empty second half."""
    return [(first, second) for first, _, second in (text.partition(":") for text in _texts(data))]


def _temperatures(data: bytes) -> Answer:
    readings = []
    for sensor_text, celsius_text in _pairs(data):
        sensor, celsius = integer(sensor_text), decimal(celsius_text)
        if sensor is None or celsius is None:
            return _word(data)
        readings.append(SensorTemperature(sensor=sensor, celsius=celsius))
    return Answer(values=Temperatures(readings=tuple(readings)))


def _write_temperatures(answer: Answer) -> bytes:
    readings = values_of(answer, Temperatures).readings
    return ",".join(f"{reading.sensor}:{reading.celsius:.1f}" for reading in readings).encode()


def _cards(data: bytes) -> Answer:
    pairs = _pairs(data)
    if not pairs or not all(card and state in ("0", "1") for card, state in pairs):
        return _word(data)
    return Answer(values=CardStates(cards=tuple(CardState(card=card, authorised=s == "1") for card, s in pairs)))


def _write_cards(answer: Answer) -> bytes:
    cards = values_of(answer, CardStates).cards
    return ",".join(f"{state.card}:{int(state.authorised)}" for state in cards).encode("latin-1")


def _cameras(data: bytes) -> Answer:
    results = []
    for camera_text, word in _pairs(data):
        camera = integer(camera_text)
        if camera is None or word.upper() not in ("OK", "ERR"):
            return _word(data)
        results.append(CameraResult(camera=camera, ok=word.upper() == "OK"))
    return Answer(values=CameraResults(cameras=tuple(results)))


def _write_cameras(answer: Answer) -> bytes:
    cameras = values_of(answer, CameraResults).cameras
    return ",".join(f"{result.camera}:{'OK' if result.ok else 'Err'}" for result in cameras).encode()


def _photo_list(data: bytes) -> Answer:
    answer, names = _word(data), _texts(data)
    if answer.ok is not None:
        return answer
    return Answer(values=PhotoList(names=() if names == [_NO_PHOTOS] else tuple(names)))


def _write_photo_list(answer: Answer) -> bytes:
    return (",".join(values_of(answer, PhotoList).names) or _NO_PHOTOS).encode("latin-1")


def _photo_bytes(data: bytes) -> Answer:
    head = data.split(b",", 3)
    if len(head) != 4:
        return _word(data)
    name, offset_text, size_text = (printable(part.decode("latin-1")) for part in head[:3])
    offset, size = integer(offset_text), integer(size_text)
    if offset is None or size is None:
        return Answer()
    return Answer(values=PhotoBytes(name=name, offset=offset, size=size, data=head[3]))


def _write_photo_bytes(answer: Answer) -> bytes:
    part = values_of(answer, PhotoBytes)
    return f"{wire_text(part.name)},{part.offset},{part.size},".encode("latin-1") + part.data


def _identity(data: bytes) -> Answer:
    texts = _texts(data)
    if len(texts) != 3:
        return _word(data)
    return Answer(values=Identity(serial_number=texts[0], imei=texts[1], firmware=texts[2]))


def _write_identity(answer: Answer) -> bytes:
    values = values_of(answer, Identity)
    return f"{values.serial_number},{values.imei},{values.firmware}".encode("latin-1")


def _status(data: bytes) -> Answer:
    texts = _texts(data)
    if len(texts) != 7:
        return _word(data)
    masks = [hexadecimal(text) for text in texts[:3]]
    counts = [integer(text) for text in texts[3:5]]
    volts = [decimal(text) for text in texts[5:]]
    if None in (*masks, *counts, *volts):
        return Answer()
    status, inputs, outputs = (mask or 0 for mask in masks)
    csq, satellites = (count or 0 for count in counts)
    battery_v, external_v = (value or 0.0 for value in volts)
    return Answer(
        values=UnitStatus(
            status=status,
            inputs=inputs,
            outputs=outputs,
            csq=csq,
            satellites=satellites,
            battery_v=battery_v,
            external_v=external_v,
        )
    )


def _write_status(answer: Answer) -> bytes:
    found = values_of(answer, UnitStatus)
    masks = f"{hex_text(found.status, 8)},{hex_text(found.inputs, 2)},{hex_text(found.outputs, 2)}"
    volts = f"{number_text(found.battery_v)},{number_text(found.external_v)}"
    return f"{masks},{found.csq},{found.satellites},{volts}".encode()


def _sim_card(data: bytes) -> Answer:
    answer = _word(data)
    text = printable(data.decode("latin-1"))
    return answer if answer.ok is not None or not text else Answer(values=SimCard(ccid=text))


def _write_sim_card(answer: Answer) -> bytes:
    return wire_text(values_of(answer, SimCard).ccid).encode("latin-1")


def _parameters(data: bytes) -> Answer:
    code, *values = _texts(data) or [""]
    if len(code) != 3 or not code.isdecimal():
        return _word(data)
    return Answer(values=Parameters(code=code, values=tuple(values)))


def _write_parameters(answer: Answer) -> bytes:
    found = values_of(answer, Parameters)
    return ",".join((found.code, *found.values)).encode("latin-1")


WORD = ReplyForm("OK, Unsupport or Failed", _word, _write_word, carries_values=False)
TEMPERATURES = ReplyForm("sensor:temperature", _temperatures, _write_temperatures)
CARDS = ReplyForm("card:authorised", _cards, _write_cards)
CAMERAS = ReplyForm("camera:OK or Err", _cameras, _write_cameras)
PHOTO_LIST = ReplyForm("photo names", _photo_list, _write_photo_list)
PHOTO_BYTES = ReplyForm("name, offset, size, bytes", _photo_bytes, _write_photo_bytes)
IDENTITY = ReplyForm("serial number, IMEI, firmware", _identity, _write_identity)
STATUS = ReplyForm("status, inputs, outputs, signal, satellites, volts", _status, _write_status)
SIM_CARD = ReplyForm("CCID", _sim_card, _write_sim_card)
PARAMETERS = ReplyForm("code and its parameters", _parameters, _write_parameters)
