"""Firmware over ASCII frames: the data of `990`–`995`, which is binary (SPEC §4.7)."""

from typing import Any

from vt600_protocol.commands.base import Arguments, Command
from vt600_protocol.errors import LayoutError
from vt600_protocol.replies import Answer, FirmwareFlag, FirmwareOffer, FirmwarePart, ReplyForm, values_of
from vt600_protocol.values import printable, wire_text

_FLAGS: dict[int, FirmwareFlag] = {0x01: "yes", 0x00: "no", 0xFF: "not_authorised"}
_FLAG_OF = {name: flag for flag, name in _FLAGS.items()}
_OFFER_HEAD, _PART_HEAD, _PART_REPLY, _CHECK = 5, 6, 7, 6


class Part:
    """`992`: offset (4), size (2), bytes."""

    names = ("offset", "data")

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        data = bytes.fromhex(arguments["data"])
        return arguments["offset"].to_bytes(4, "big") + len(data).to_bytes(2, "big") + data  # type: ignore[no-any-return]

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        rest = data[_PART_HEAD:]
        if len(data) < _PART_HEAD or int.from_bytes(data[4:_PART_HEAD], "big") != len(rest):
            raise LayoutError("not so many bytes")
        return {"offset": int.from_bytes(data[:4], "big"), "data": rest.hex().upper()}


def _verdict(flag: FirmwareFlag) -> Answer:
    return Answer(ok=flag == "yes", reason=None if flag == "yes" else flag)


def _flag(data: bytes) -> Answer:
    return _verdict(_FLAGS[data[0]]) if len(data) == 1 and data[0] in _FLAGS else Answer()


def _write_flag(answer: Answer) -> bytes:
    if answer.ok is None:
        raise ValueError("this reply is a flag")
    return bytes([1 if answer.ok else 0xFF if answer.reason == "not_authorised" else 0])


def _offer(data: bytes) -> Answer:
    if len(data) < _OFFER_HEAD or data[0] not in _FLAGS:
        return _flag(data)
    flag = _FLAGS[data[0]]
    code, packet_bytes = int.from_bytes(data[1:3], "big"), int.from_bytes(data[3:_OFFER_HEAD], "big")
    version = printable(data[_OFFER_HEAD:].decode("latin-1"))
    values = FirmwareOffer(flag=flag, code=code, packet_bytes=packet_bytes, version=version)
    return _verdict(flag)._replace(values=values)


def _write_offer(answer: Answer) -> bytes:
    offer = values_of(answer, FirmwareOffer)
    head = bytes([_FLAG_OF[offer.flag]]) + offer.code.to_bytes(2, "big") + offer.packet_bytes.to_bytes(2, "big")
    return head + wire_text(offer.version).encode("latin-1")


def _part(data: bytes) -> Answer:
    if len(data) != _PART_REPLY or data[-1] not in _FLAGS:
        return _flag(data)
    flag = _FLAGS[data[-1]]
    offset, size = int.from_bytes(data[:4], "big"), int.from_bytes(data[4:6], "big")
    return _verdict(flag)._replace(values=FirmwarePart(offset=offset, size=size, flag=flag))


def _write_part(answer: Answer) -> bytes:
    part = values_of(answer, FirmwarePart)
    return part.offset.to_bytes(4, "big") + part.size.to_bytes(2, "big") + bytes([_FLAG_OF[part.flag]])


FLAG = ReplyForm("firmware flag", _flag, _write_flag, carries_values=False)
OFFER = ReplyForm("flag, code, packet size, version", _offer, _write_offer, without_values=FLAG)
PART = ReplyForm("offset, size, flag", _part, _write_part, without_values=FLAG)
