"""The unit itself: identity, connection, sleep, restart (SPEC §3.10, §4.7)."""

from typing import Annotated, Literal

from vt600_protocol.arguments import Text, Whole, Words
from vt600_protocol.commands.base import Actuating, Query, Setting, command
from vt600_protocol.commands.kinds import Apn, Host, Port, Seconds, Server, ServerMode


@command
class Identify(Query):
    """Serial number, IMEI and firmware: `9001`, `801`."""


@command
class ReadStatus(Query):
    """Status, inputs, outputs, signal, satellites and voltages: `802`."""


@command
class ReadSimCard(Query):
    """The SIM card's number: `803`."""


@command
class Restart(Actuating):
    """Restart a part of the unit: `4902` (the GPS receiver), `910`."""

    part: Annotated[Literal["gsm", "gps", "device"], Words(gsm=1, gps=2, device=3)] = "gps"


@command
class RestoreFactory(Actuating):
    """Factory values, but what is kept: `4110` (keeps password, server, APN, ID and interval), `612`."""

    keep: Annotated[Literal["connection", "sms_password", "nothing"], Words(connection=1, sms_password=2, nothing=3)]


@command
class SetServer(Setting):
    """Where the unit connects to: `100`, `105`."""

    mode: ServerMode
    host: Host
    port: Port
    server: Server = 1


@command
class SetSpareServer(Setting):
    """Where it goes when server 1 does not answer five times: `101`."""

    host: Host
    port: Port


@command
class SetApn(Setting):
    """The mobile network's access point: `109`."""

    apn: Apn
    user: Apn = ""
    password: Apn = ""


@command
class SetGprs(Setting):
    """Server and access point in one: `4155`."""

    mode: ServerMode
    host: Host
    port: Port
    apn: Apn = ""
    user: Apn = ""
    password: Apn = ""


@command
class SetDeviceId(Setting):
    """Another identity: `110`. From then on the unit is another device here."""

    new_id: Annotated[str, Text(16, 3, r"[0-9A-Za-z]+", "letters or digits")]


@command
class SetDns(Setting):
    """The name server: `111`."""

    address: Annotated[str, Text(15, 7, r"[0-9.]+", "digits and dots of an IPv4 address")]


@command
class SetWifi(Setting):
    """A WiFi network: `280`."""

    index: Annotated[int, Whole(1, 32)]
    ssid: Annotated[str, Text(32, 1)]
    password: Annotated[str, Text(63)] = ""


@command
class SetSwitches(Setting):
    """Ten switches in one, eight of them with a meaning: `4108`."""

    answer_calls_by_sms: bool = False
    rmc_in_sms: bool = False
    hang_up_calls: bool = False
    power_on_alarm: bool = False
    gps_blind_alarm: bool = False
    lights_off: bool = False
    power_cut_sms: bool = False
    buzzer: bool = False


@command
class SetSleepLevel(Setting):
    """How deeply a binary unit sleeps: `4113`."""

    level: Annotated[int, Whole(0, 3)]


@command
class SetSleepMode(Setting):
    """How an ASCII unit sleeps, and after how long: `124`."""

    mode: Annotated[Literal["off", "normal", "deep"], Words(off=0, normal=1, deep=2)]
    after_s: Seconds = 0


@command
class SetPowerDown(Setting):
    """Power down after standing for so long, 0 off: `4126`."""

    after_min: Annotated[int, Whole(0, 99, digits=2)]


@command
class SetSimPin(Setting):
    """The PIN of the SIM card: `602`."""

    pin: Annotated[str, Text(8, 4, r"[0-9]+", "digits")]
