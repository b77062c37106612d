"""What an identity and a way of speaking tell of a device (SPEC §1, §3.3, §3.6). Guesses, for people."""

_IMEI_DIGITS = 15
_ISTARTEK_ANALOG_VALUES = 4


def check_digit(digits: str) -> str:
    """The Luhn digit that follows."""
    doubled = [int(digit) * (2 if at % 2 == 0 else 1) for at, digit in enumerate(reversed(digits))]
    return str(-sum(value // 10 + value % 10 for value in doubled) % 10)


def imei_candidate(device_id: str) -> str | None:
    """The IMEI that the identity may be or may be the beginning of; try the identity as it is first."""
    if not device_id.isdecimal():
        return None
    if len(device_id) == _IMEI_DIGITS:
        return device_id if check_digit(device_id[:-1]) == device_id[-1] else None
    return device_id + check_digit(device_id) if len(device_id) == _IMEI_DIGITS - 1 else None


def guess_of(dialect: str | None, analog_values: int | None) -> str | None:
    """What kind of unit speaks like that."""
    if dialect == "ascii":
        return "iStartek VT100, VT140, VT200 or PT60 family"
    if dialect == "binary":
        return "iStartek VT600 or VT900" if analog_values == _ISTARTEK_ANALOG_VALUES else "VT300, VT310 or VT400 family"
    return None
