"""Trouble codes: the data of event 56 → values (SPEC §4.6)."""

from typing import Literal

from vt600_protocol.messages import TroubleCode

_J1979, _J1939 = 0, 1
_ENTRY_BYTES = 3
_SYSTEMS = "PCBU"  # the two highest bits of a J1979 code: powertrain, chassis, body, network
_STATES: dict[int, Literal["solved", "pending"]] = {1: "solved", 2: "pending"}


def decode_trouble_codes(text: str) -> tuple[TroubleCode, ...]:
    """The codes of hex text; none when it is laid out in another way."""
    try:
        data = bytes.fromhex(text)
    except ValueError:
        return ()
    if not data or len(data) % _ENTRY_BYTES != 1 or data[0] not in (_J1979, _J1939):
        return ()
    entries = (data[at : at + _ENTRY_BYTES] for at in range(1, len(data), _ENTRY_BYTES))
    return tuple([_j1979(entry) if data[0] == _J1979 else _j1939(entry) for entry in entries])


def _j1979(entry: bytes) -> TroubleCode:
    """Two bytes of code, one of state."""
    number = entry[0] << 8 | entry[1]
    return TroubleCode(code=f"{_SYSTEMS[number >> 14]}{number & 0x3FFF:04X}", state=_STATES.get(entry[2]))


def _j1939(entry: bytes) -> TroubleCode:
    """SPN low byte, SPN middle byte, then SPN's upper 3 bits over a 5-bit FMI."""
    return TroubleCode(spn=entry[0] | entry[1] << 8 | entry[2] >> 5 << 16, fmi=entry[2] & 0x1F)
