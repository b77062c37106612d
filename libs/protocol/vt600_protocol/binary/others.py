"""Binary uplinks of other makers, and stored records: data ↔ messages (SPEC §3.4, §3.8, §3.9).

Data that is laid out in another way makes an Unknown, which keeps it.
"""

from collections.abc import Callable
from dataclasses import fields
from typing import Any, TypeVar

from vt600_protocol.accessories import CardReport, EngineReport, EngineTotals, TroubleCodeReport
from vt600_protocol.binary.encode import report_data
from vt600_protocol.binary.position import INTERVAL, MEANINGS, UNKNOWN_ALARM, read_report
from vt600_protocol.binary.rmc import degrees_text, rmc_latitude, rmc_longitude, rmc_time, time_text
from vt600_protocol.events import EVENTS
from vt600_protocol.messages import LoggedPosition, Message, PositionReport, StoredRecords, Unknown
from vt600_protocol.photos import PhotoEnd, PhotoPart, PhotoStart
from vt600_protocol.values import decimal, number_text, printable, wire_text

M = TypeVar("M", bound=Message)

Decoder = Callable[[str, str, bytes, bytes], Message]

_PARTED_BY = b"\\"
_CARDS, _CARD_BYTES = 15, 4
_LOG_HEAD_BYTES = 6
_PHOTO_HEAD_BYTES = 5
_PLACE_FIELDS = 6
_LOGGED = ("logged", None, EVENTS["logged"])
_PHOTO_TAKEN = ("photo_taken", EVENTS["photo_taken"])


def decode_stored(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    """`6688`: the count, then each record, an alarm code and text. ContentError when one of them cannot be read."""
    records = []
    for record in content[1:].split(_PARTED_BY):
        if not record:
            return unknown(device_id, code, frame, content)
        meaning = MEANINGS.get(record[0], UNKNOWN_ALARM) if record[0] else INTERVAL
        records.append(read_report(device_id, code, frame, record, record[1:], record[0], meaning))
    return StoredRecords(**_head(device_id, code, frame, content), records=tuple(records))


def encode_stored(message: StoredRecords) -> bytes:
    parts = [bytes([record.event_code or 0]) + report_data(record) for record in message.records]
    return bytes([len(parts)]) + _PARTED_BY.join(parts)


def decode_logged(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    """`9016`: two random numbers, how many records there are, and one of them."""
    if len(content) <= _LOG_HEAD_BYTES:
        return unknown(device_id, code, frame, content)
    text = content[_LOG_HEAD_BYTES:]
    return LoggedPosition(
        **_head(device_id, code, frame, content),
        answers=code,
        ok=None,
        reason=None,
        values=None,
        text=printable(text.decode("latin-1")),
        device_random=content[0],
        server_random=content[1],
        records_stored=int.from_bytes(content[2:_LOG_HEAD_BYTES], "big"),
        report=read_report(device_id, code, frame, text, text, None, _LOGGED),
    )


def encode_logged(message: LoggedPosition) -> bytes:
    head = bytes([message.device_random, message.server_random]) + message.records_stored.to_bytes(4, "big")
    return head + report_data(message.report)


def decode_cards(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    """`9966`: fifteen card numbers, then `|` and a short place."""
    numbers, bar, place = (
        content[: _CARDS * _CARD_BYTES],
        content[_CARDS * _CARD_BYTES : _CARDS * _CARD_BYTES + 1],
        content[_CARDS * _CARD_BYTES + 1 :].decode("latin-1").split(","),
    )
    if bar != b"|" or len(place) != _PLACE_FIELDS:
        return unknown(device_id, code, frame, content)
    time, date, latitude_text, north, longitude_text, east = place
    latitude, longitude = rmc_latitude(latitude_text, north), rmc_longitude(longitude_text, east)
    whole = latitude is not None and longitude is not None
    starts = range(0, len(numbers), _CARD_BYTES)
    return CardReport(
        **_head(device_id, code, frame, content),
        cards=tuple(int.from_bytes(numbers[at : at + _CARD_BYTES], "big") for at in starts),
        device_time=rmc_time(time, date),
        latitude=latitude if whole else None,
        longitude=longitude if whole else None,
    )


def encode_cards(message: CardReport) -> bytes:
    clock, date = time_text(message.device_time)
    place = (*degrees_text(message.latitude, 2, "N", "S"), *degrees_text(message.longitude, 3, "E", "W"))
    numbers = b"".join(card.to_bytes(_CARD_BYTES, "big") for card in message.cards)
    return numbers + "|{},{},{},{},{},{}".format(clock.partition(".")[0], date, *place).encode()


def decode_photo_position(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    """`9977`: the photo's index, its kind, and where it was taken."""
    if len(content) < 3:
        return unknown(device_id, code, frame, content)
    event, is_alarm = _PHOTO_TAKEN
    return read_report(device_id, code, frame, content, content[2:], content[1], (event, str(content[0]), is_alarm))


def encode_photo_position(report: PositionReport) -> bytes:
    return bytes([int(report.event_data or 0), report.event_code or 0]) + report_data(report)


def decode_photo_start(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    if len(content) != 1:
        return unknown(device_id, code, frame, content)
    return PhotoStart(**_head(device_id, code, frame, content), photo=content[0])


def decode_photo_part(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    if len(content) < _PHOTO_HEAD_BYTES:
        return unknown(device_id, code, frame, content)
    return PhotoPart(
        **_head(device_id, code, frame, content),
        photo=content[0],
        total_bytes=int.from_bytes(content[1:3], "big"),
        parts=content[3],
        part=content[4],
        data=content[_PHOTO_HEAD_BYTES:],
    )


def decode_photo_end(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    if len(content) != 1:
        return unknown(device_id, code, frame, content)
    return PhotoEnd(**_head(device_id, code, frame, content), photo=content[0])


def encode_photo_part(message: PhotoPart) -> bytes:
    head = bytes([message.photo]) + message.total_bytes.to_bytes(2, "big") + bytes([message.parts, message.part])
    return head + message.data


def encode_photo_index(message: PhotoStart | PhotoEnd) -> bytes:
    return bytes([message.photo])


def _values(kind: type[Any]) -> Decoder:
    """Decodes numbers parted by commas, each a field of the message, in their order."""
    names = [field.name for field in fields(kind) if field.name not in Message.__dataclass_fields__]

    def decode(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
        texts = content.decode("latin-1").split(",")
        if len(texts) != len(names):
            return unknown(device_id, code, frame, content)
        found: Message = kind(
            **_head(device_id, code, frame, content), **dict(zip(names, map(decimal, texts), strict=True))
        )
        return found

    return decode


def encode_values(message: EngineReport | EngineTotals) -> bytes:
    names = [field.name for field in fields(message) if field.name not in Message.__dataclass_fields__]
    return ",".join(number_text(getattr(message, name)) for name in names).encode()


decode_engine = _values(EngineReport)
decode_totals = _values(EngineTotals)


def decode_trouble(device_id: str, code: str, frame: bytes, content: bytes) -> Message:
    codes = tuple(printable(text) for text in content.decode("latin-1").split(",") if text)
    return TroubleCodeReport(**_head(device_id, code, frame, content), codes=codes)


def encode_trouble(message: TroubleCodeReport) -> bytes:
    return ",".join(map(wire_text, message.codes)).encode("latin-1")


def plain(kind: type[M]) -> Callable[[str, str, bytes, bytes], M]:
    """Decodes frames whose data has no meaning of its own."""

    def decode(device_id: str, code: str, frame: bytes, content: bytes) -> M:
        return kind(**_head(device_id, code, frame, content))

    return decode


unknown = plain(Unknown)


def _head(device_id: str, code: str, frame: bytes, content: bytes) -> dict[str, Any]:
    return {
        "dialect": "binary",
        "device_id": device_id,
        "code": code,
        "packet_no": None,
        "raw": frame,
        "content": content,
    }
