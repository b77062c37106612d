"""Identities of virtual trackers: serial numbers for the binary dialect, IMEIs with a right check digit for the ASCII one."""

_SERIAL_BASE = 143_190_000_000
_IMEI_BASE = 86_543_104_000_000


def serial_number(number: int) -> str:
    """A 12-digit identity as VT600 units carry it (SPEC §3.3)."""
    return str(_SERIAL_BASE + number)


def imei(number: int) -> str:
    """A 15-digit IMEI with its Luhn digit."""
    body = str(_IMEI_BASE + number)
    total = 0
    for place, digit in enumerate(reversed(body)):
        value = int(digit) * (2 if place % 2 == 0 else 1)
        total += value - 9 if value > 9 else value
    return body + str(-total % 10)
