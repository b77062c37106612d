"""Data of binary replies ↔ answers (SPEC §3.8, §3.10)."""

from vt600_protocol.replies import (
    Answer,
    ButtonPhones,
    Identity,
    IntervalSetting,
    ReplyForm,
    values_of,
)
from vt600_protocol.values import printable, wire_text

INTERVAL_STEP_S = 10
_YES, _NO = b"\x01", b"\x00"
_PHONE_BYTES = 16


def _flag(data: bytes) -> Answer:
    if data[:1] == _YES:
        return Answer(ok=True)
    return Answer(ok=False, reason="flag 00") if data[:1] == _NO else Answer()


def _refusal(data: bytes) -> Answer:
    """What a unit says instead of values."""
    return _flag(data) if len(data) == 1 else Answer()


def _write_flag(answer: Answer) -> bytes:
    if answer.ok is None:
        raise ValueError("this reply is a yes or no")
    return _YES if answer.ok else _NO


def _interval_set(data: bytes) -> Answer:
    answer = _flag(data)
    return answer._replace(values=_seconds(data[1:])) if answer.ok is not None and len(data) == 3 else answer


def _write_interval_set(answer: Answer) -> bytes:
    return _write_flag(answer) + _write_interval(answer)


def _interval(data: bytes) -> Answer:
    return Answer(values=_seconds(data)) if len(data) == 2 else _refusal(data)


def _write_interval(answer: Answer) -> bytes:
    return (values_of(answer, IntervalSetting).interval_s // INTERVAL_STEP_S).to_bytes(2, "big")


def _seconds(data: bytes) -> IntervalSetting:
    return IntervalSetting(interval_s=int.from_bytes(data, "big") * INTERVAL_STEP_S)


def _identity(data: bytes) -> Answer:
    texts = printable(data.decode("latin-1")).split(",")
    if len(texts) != 3:
        return _refusal(data)
    return Answer(values=Identity(serial_number=texts[0], imei=texts[1], firmware=texts[2]))


def _write_identity(answer: Answer) -> bytes:
    values = values_of(answer, Identity)
    return f"{values.serial_number},{values.imei},{values.firmware}".encode("latin-1")


def _phones(data: bytes) -> Answer:
    if len(data) != 2 * _PHONE_BYTES:
        return _refusal(data)
    sms, call = (printable(part.rstrip(b"\0").decode("latin-1")) for part in (data[:_PHONE_BYTES], data[_PHONE_BYTES:]))
    return Answer(values=ButtonPhones(sms_phone=sms, call_phone=call))


def _write_phones(answer: Answer) -> bytes:
    values = values_of(answer, ButtonPhones)
    texts = (wire_text(values.sms_phone), wire_text(values.call_phone))
    return b"".join(text.encode("latin-1").ljust(_PHONE_BYTES, b"\0") for text in texts)


FLAG = ReplyForm("yes or no", _flag, _write_flag, carries_values=False)
INTERVAL_SET = ReplyForm("yes or no, interval", _interval_set, _write_interval_set)
INTERVAL = ReplyForm("interval", _interval, _write_interval)
IDENTITY = ReplyForm("serial number, IMEI, firmware", _identity, _write_identity)
PHONES = ReplyForm("phones", _phones, _write_phones)
