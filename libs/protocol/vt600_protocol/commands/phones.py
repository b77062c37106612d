"""Calls and SMS: who is told what, and how (SPEC §3.10, §4.7)."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Many, Text, Whole
from vt600_protocol.commands.base import Query, Setting, command
from vt600_protocol.commands.kinds import Change, EventCodes, Minutes, Phone


@command
class SetSmsTimeZone(Setting):
    """The time zone of SMS texts, never of reports: `4132`, `601`."""

    offset_min: Annotated[int, Whole(-840, 840)]


@command
class SetSmsPassword(Setting):
    """The password of SMS commands: `600`."""

    password: Annotated[str, Text(4, 4, r"[0-9A-Za-z]+", "letters or digits")]


@command
class SetSmsInterval(Setting):
    """Report by SMS every so many minutes: `200`."""

    interval_min: Minutes
    ignition_off_min: Minutes | None = None
    stopped_min: Minutes | None = None


@command
class SetListenInPhone(Setting):
    """Who may listen in: `4130`."""

    phone: Phone


@command
class SetButtonPhones(Setting):
    """Who is told and called by a button: `4103`."""

    button: Annotated[int, Whole(1, 3)]
    sms_phone: Phone = ""
    call_phone: Phone = ""


@command
class ReadButtonPhones(Query):
    """Who is told and called by a button, 255 asks for all: `9003`. How a unit answers 255 is not documented (SPEC §8)."""

    button: Annotated[int, Whole(1, 255)]


@command
class SetPhones(Setting):
    """Up to three authorised phones: `201`."""

    phones: Annotated[tuple[str, ...], Many(Text(16, 1, r"\+?[0-9*#]*", "digits, perhaps with + in front"), 1, 3)]


@command
class SetPhoneRule(Setting):
    """Which events concern an authorised phone, by one of four rules: `202`, `203`, `205`, `206`."""

    rule: Literal[202, 203, 205, 206]
    index: Annotated[int, Whole(1, 3)]
    change: Change
    events: EventCodes


@command
class SetEventText(Setting):
    """The SMS text of an event: `204`."""

    event: Annotated[int, Whole(0, 255)]
    text: Annotated[str, Text(32)] = ""
