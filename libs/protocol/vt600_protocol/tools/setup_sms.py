"""The SMS that point a tracker at a server (SPEC §7 binary, §4.7 ASCII). Settings go first, the server last: then it reports."""

import re
from dataclasses import dataclass
from typing import Literal

from vt600_protocol.errors import CommandError
from vt600_protocol.messages import Dialect

Mode = Literal["tcp", "udp"]

_MODES = {"tcp": "1", "udp": "2"}
_DEFAULT_PASSWORDS = {"binary": "000000", "ascii": "0000"}
_LAST_PORT = 65_535
_HEARTBEAT_MINUTES = (0, 65_535)
_BINARY_STEP_S = 10
_INTERVALS_S = {"binary": (10, 655_350), "ascii": (1, 65_535)}

# What a text may be, and how to say so. A comma would end the field; SMS hold ASCII.
_HOST = (r"[A-Za-z0-9._-]{1,32}", "1 to 32 letters, digits, dots and hyphens")
_APN = (r"[!-+\--~]{1,63}", "1 to 63 printable ASCII characters without space and comma")
_ACCESS = (r"[!-+\--~]{0,32}", "at most 32 printable ASCII characters without space and comma")
_PASSWORDS = {"binary": (r"[0-9]{6}", "6 digits"), "ascii": (r"[A-Za-z0-9]{4}", "4 letters or digits")}
_IDENTITIES = {
    "binary": (r"(?!0+$)[0-9]{1,14}", "1 to 14 digits that are not all zero"),
    "ascii": (r"(?!0+$)[A-Za-z0-9]{3,16}", "3 to 16 letters or digits that are not all zero"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup:
    """What a tracker shall be told; None is left as it is in the unit."""

    dialect: Dialect
    host: str
    port: int
    mode: Mode = "tcp"
    apn: str | None = None
    apn_user: str | None = None
    apn_password: str | None = None
    interval_s: int | None = None
    heartbeat_min: int | None = None
    device_id: str | None = None
    password: str | None = None


def setup_sms(setup: Setup) -> tuple[str, ...]:
    """The texts in the order to send them; CommandError names the argument that is wrong and what is allowed."""
    _check(setup)
    password = setup.password or _DEFAULT_PASSWORDS[setup.dialect]
    if setup.dialect == "binary":
        return tuple(f"W{password},{text}" for text in _binary(setup))
    return tuple(f"{password},{text}" for text in _ascii(setup))


def _binary(setup: Setup) -> list[str]:
    texts = []
    if setup.device_id is not None:
        texts.append(f"010,{setup.device_id}")
    if setup.apn is not None:
        texts.append(f"011,{_access(setup)}")
    if setup.interval_s is not None:
        texts.append(f"014,{setup.interval_s // _BINARY_STEP_S:05d}")
    if setup.heartbeat_min is not None:
        texts.append(f"015,{setup.heartbeat_min}")
    return [*texts, f"012,{setup.host},{setup.port}", f"013,{_MODES[setup.mode]}"]


def _ascii(setup: Setup) -> list[str]:
    texts = []
    if setup.device_id is not None:
        texts.append(f"110,{setup.device_id}")
    if setup.apn is not None:
        texts.append(f"109,{_access(setup)}")
    if setup.interval_s is not None:
        texts.append(f"102,{setup.interval_s}")
    if setup.heartbeat_min is not None:
        texts.append(f"122,{setup.heartbeat_min}")
    return [*texts, f"100,{_MODES[setup.mode]},{setup.host},{setup.port}"]


def _access(setup: Setup) -> str:
    """APN, user and password; what is empty at the end may be left out (SPEC §4.7)."""
    return ",".join((setup.apn or "", setup.apn_user or "", setup.apn_password or "")).rstrip(",")


def _check(setup: Setup) -> None:
    _check_choice("dialect", setup.dialect, tuple(_DEFAULT_PASSWORDS))
    _check_choice("mode", setup.mode, tuple(_MODES))
    _check_text("host", setup.host, _HOST)
    _check_number("port", setup.port, 1, _LAST_PORT)
    if setup.apn is None and (setup.apn_user or setup.apn_password):
        name = "apn_user" if setup.apn_user else "apn_password"
        raise CommandError(f"{name} needs an apn beside it", argument=name)
    _check_text("apn", setup.apn, _APN)
    _check_text("apn_user", setup.apn_user, _ACCESS)
    _check_text("apn_password", setup.apn_password, _ACCESS)
    _check_number("interval_s", setup.interval_s, *_INTERVALS_S[setup.dialect])
    if setup.dialect == "binary" and setup.interval_s is not None and setup.interval_s % _BINARY_STEP_S:
        raise CommandError("interval_s is a multiple of 10 s in the binary dialect", argument="interval_s")
    _check_number("heartbeat_min", setup.heartbeat_min, *_HEARTBEAT_MINUTES)
    _check_text("device_id", setup.device_id, _IDENTITIES[setup.dialect])
    _check_text("password", setup.password, _PASSWORDS[setup.dialect])


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise CommandError(f"{name} is {' or '.join(choices)}", argument=name)


def _check_text(name: str, value: str | None, form: tuple[str, str]) -> None:
    pattern, allowed = form
    if value is not None and re.fullmatch(pattern, value, re.ASCII) is None:
        raise CommandError(f"{name} is {allowed}", argument=name)


def _check_number(name: str, value: int | None, low: int, high: int) -> None:
    if value is not None and not low <= value <= high:
        raise CommandError(f"{name} is a whole number from {low} to {high}", argument=name)
