"""What the unit reports, how often, and what it keeps (SPEC §3.10, §4.7)."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Whole, Words
from vt600_protocol.commands.base import Actuating, Query, Setting, command
from vt600_protocol.commands.kinds import Change, EventCodes, Metres, Minutes, Seconds, Server

Parameter = Literal[100, 101, 102, 105, 106, 109]


@command
class RequestPosition(Query):
    """Report where you are, now: `4101`, `800`. Answered by a position; in binary it cannot be told from a scheduled one."""


@command
class SetInterval(Setting):
    """Report every `interval_s` seconds, 0 stops: `4102` (steps of 10 s, 0 to 655,350 s), `102`, `106`.

    ASCII units know other intervals for when the ignition is off and when the vehicle stands.
    """

    interval_s: Annotated[int, Whole(0, 655_350)]
    ignition_off_s: Seconds | None = None
    stopped_s: Seconds | None = None
    server: Server = 1


@command
class ReadInterval(Query):
    """Read the report interval: `9002`."""


@command
class SetConfirmedUpload(Setting):
    """Keep each record until the server has confirmed it (`010` instead of `000`): `103`, `107`."""

    confirmed: bool
    server: Server = 1


@command
class SetUploadOrder(Setting):
    """What goes first after an outage, live records or the oldest: `104`, `108`."""

    order: Annotated[Literal["live_first", "oldest_first"], Words(live_first=0, oldest_first=1)]
    server: Server = 1


@command
class SetDistanceReport(Setting):
    """Report every so many metres, 0 off: `4303` (300 and more advised), `120`."""

    distance_m: Metres


@command
class SetHeadingReport(Setting):
    """Report when the heading has changed by so much, 0 off: `4136` (0–359), `121` (0–180)."""

    angle_deg: Annotated[int, Whole(0, 359)]


@command
class SetHeartbeat(Setting):
    """Sign of life every so many minutes: `5199` (the byte `00`), `122` (event 31, in sleep)."""

    interval_min: Minutes


@command
class SetLogInterval(Setting):
    """Log a position for later reading every so many seconds, 0 off: `4131`, `150`."""

    interval_s: Seconds


@command
class ReadLog(Actuating):
    """Fetch one logged position: `9016` (SPEC §3.8).

    `advance` deletes the record received last, whose `device_random` must be given, and asks for the next; it can be done once.
    """

    device_random: Annotated[int, Whole(0, 255)] = 0
    server_random: Annotated[int, Whole(0, 255)]
    advance: bool = False


@command
class ClearRecords(Actuating):
    """Delete what is stored and not sent: `5503` (one queue), `611`."""

    queue: Annotated[Literal["server_1", "server_2", "sms"], Words(server_1=1, server_2=2, sms=3)] = "server_1"


@command
class SetServerEvents(Setting):
    """Which events (§4.6) go to a server: `210`."""

    server: Server
    change: Change
    events: EventCodes


@command
class ReadParameters(Query):
    """Read the parameters of a setting by its code: `808`."""

    code: Parameter
