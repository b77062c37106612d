"""Binary answers to commands → CommandReply (SPEC §3.10)."""

from vt600_protocol.messages import CommandReply
from vt600_protocol.values import printable

# Reply code → code of the command that it answers; the others answer with their own code.
_ANSWERS = {"5100": "4102"}
_YES_NO = {0: False, 1: True}

FLAG_REPLIES = (
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
    "4155",
    "4302",
    "4303",
    "4351",
    "4902",
    "5100",
    "5114",
    "5199",
    "5503",
)
VALUE_REPLIES = ("9001", "9002", "9003")
_BYTES = frozenset(("9002",))  # values that are numbers, not text


def decode_flag(device_id: str, code: str, frame: bytes, content: bytes) -> CommandReply:
    """A reply that begins with the device's yes or no."""
    ok = _YES_NO.get(content[0]) if content else None
    return CommandReply(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        answers=_ANSWERS.get(code, code),
        ok=ok,
        reason="flag 00" if ok is False else None,
        text=content.hex().upper(),
    )


def decode_values(device_id: str, code: str, frame: bytes, content: bytes) -> CommandReply:
    """A reply that carries values: text, or the numbers' bytes in hex."""
    return CommandReply(
        dialect="binary",
        device_id=device_id,
        code=code,
        packet_no=None,
        raw=frame,
        content=content,
        answers=code,
        ok=None,
        reason=None,
        text=content.hex().upper() if code in _BYTES else printable(content.decode("latin-1")),
    )
