"""The commands of the binary dialect, in the order of SPEC §3.10."""

from typing import Any

from vt600_protocol.binary import replies
from vt600_protocol.commands import alarms, phones, photos, reporting, unit, vehicle
from vt600_protocol.commands.base import Arguments, Command
from vt600_protocol.errors import CommandError, LayoutError
from vt600_protocol.layouts import Number, Packed, Padded, Parameters
from vt600_protocol.table import Row, Table

OUTPUTS = 5  # the VT600's state word has five (SPEC §3.10)
_OUTPUT_BYTES = (1, 2, OUTPUTS)
_CIRCLES_M = (0, 30, 50, 100, 200, 300, 500, 1000, 2000)
_SWITCHES = (
    "answer_calls_by_sms",
    "rmc_in_sms",
    "hang_up_calls",
    "power_on_alarm",
    True,
    "gps_blind_alarm",
    "lights_off",
    False,
    "power_cut_sms",
    "buzzer",
)
_SWITCH = {0: False, 1: True}
_FIRST, _ADVANCE = 0, 1


class _OneOutput:
    """One byte for each output; 2 leaves an output as it is. A unit that sent fewer bytes has fewer outputs."""

    names = ("output", "on")

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        output, on = arguments["output"], arguments["on"]
        if output > OUTPUTS:
            raise CommandError(f"output is from 1 to {OUTPUTS} in the binary dialect", argument="output")
        return bytes(int(on) if number == output else 2 for number in range(1, OUTPUTS + 1))

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        changed = [(number, value) for number, value in enumerate(data, 1) if value != 2]
        if len(data) not in _OUTPUT_BYTES or len(changed) != 1 or changed[0][1] not in _SWITCH:
            raise LayoutError("not one output")
        return {"output": changed[0][0], "on": _SWITCH[changed[0][1]]}


class _Outputs:
    """The same for several outputs."""

    names = ("states",)
    _states = vehicle.STATES

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        states = arguments["states"]
        return bytes(int(self._states.text(state)) for state in states).ljust(OUTPUTS, b"\x02")

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        if len(data) not in _OUTPUT_BYTES:
            raise LayoutError("not one byte for each output")
        states = tuple(self._states.value(str(value)) for value in data)
        while states and states[-1] == "keep":
            states = states[:-1]
        return {"states": states}


class _Radius:
    """One byte for the eight radii that have a number, else the metres as a longer number (SPEC §3.10)."""

    names = ("radius_m",)

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        radius = arguments["radius_m"]
        if radius in _CIRCLES_M:
            return bytes([_CIRCLES_M.index(radius)])
        return radius.to_bytes(2 if radius <= 0xFFFF else 4, "big")  # type: ignore[no-any-return]

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        if len(data) == 1 and data[0] < len(_CIRCLES_M):
            return {"radius_m": _CIRCLES_M[data[0]]}
        if not 2 <= len(data) <= 4:
            raise LayoutError("no radius")
        return {"radius_m": int.from_bytes(data, "big")}


class _Switches:
    """Ten bytes of 0 or 1; two of them never change."""

    names = tuple(switch for switch in _SWITCHES if isinstance(switch, str))

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        return bytes(arguments[switch] if isinstance(switch, str) else switch for switch in _SWITCHES)

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        if len(data) != len(_SWITCHES) or not _SWITCH.keys() >= set(data):
            raise LayoutError("not ten switches")
        found = zip(_SWITCHES, data, strict=True)
        return {switch: _SWITCH[value] for switch, value in found if isinstance(switch, str)}


class _Triggers:
    """One digit for each input."""

    names = ("triggers",)

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        return "".join(map(alarms.TRIGGERS.text, arguments["triggers"])).encode()

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        return {"triggers": tuple(map(alarms.TRIGGERS.value, data.decode("latin-1")))}


class _Fence:
    """`lat,lon,radius,in,out`: a whole place, and a flag for entering and for leaving."""

    names = ("latitude", "longitude", "radius_m", "alarm")
    _parameters = Parameters("latitude,longitude,radius_m")

    def encode(self, owner: type[Command], arguments: Arguments) -> bytes:
        for name in self._parameters.names:
            if arguments[name] is None:
                raise CommandError(f"{name} is needed in the binary dialect", argument=name)
        enters, leaves = arguments["alarm"] in ("enter", "both"), arguments["alarm"] in ("leave", "both")
        return self._parameters.encode(owner, arguments) + b",%d,%d" % (enters, leaves)

    def decode(self, owner: type[Command], data: bytes) -> dict[str, Any]:
        place, *flags = data.rsplit(b",", 2)
        alarm = {(b"0", b"0"): "none", (b"0", b"1"): "leave", (b"1", b"0"): "enter", (b"1", b"1"): "both"}
        if tuple(flags) not in alarm:
            raise LayoutError("no flags")
        return {**self._parameters.decode(owner, place), "alarm": alarm[tuple(flags)]}  # type: ignore[index]


class _LogRequest:
    """Two random numbers and whether to go on (SPEC §3.8)."""

    names = ("device_random", "server_random", "advance")

    def encode(self, _owner: type[Command], arguments: Arguments) -> bytes:
        return bytes([arguments["device_random"], arguments["server_random"], 0, arguments["advance"]])

    def decode(self, _owner: type[Command], data: bytes) -> dict[str, Any]:
        if len(data) != 4 or data[2] or data[3] not in _SWITCH:
            raise LayoutError("no request")
        return {"device_random": data[0], "server_random": data[1], "advance": _SWITCH[data[3]]}


_ONE_INTERVAL = {"ignition_off_s": None, "stopped_s": None, "server": 1}

COMMANDS = Table(
    "binary",
    replies.FLAG,
    (
        Row("4101", reporting.RequestPosition, answered_by="9955"),
        Row("4102", reporting.SetInterval, Packed(Number("interval_s", 2, unit=replies.INTERVAL_STEP_S)),
            where=_ONE_INTERVAL, answered_by="5100", reply=replies.INTERVAL_SET),
        Row("4103", phones.SetButtonPhones, Packed(Number("button"), Padded("sms_phone", 16), Padded("call_phone", 16))),
        Row("4105", alarms.SetSpeedLimit, Packed(Number("speed_kmh", unit=10, high=200))),
        Row("4106", alarms.SetMovementAlarm, _Radius()),
        Row("4108", unit.SetSwitches, _Switches()),
        Row("4110", unit.RestoreFactory, where={"keep": "connection"}),
        Row("4113", unit.SetSleepLevel, Packed(Number("level"))),
        Row("4114", vehicle.SetOutput, _OneOutput(), where={"safe_speed_kmh": 10, "duration_ms": 0}),
        Row("4114", vehicle.SetOutputs, _Outputs(), where={"safe_speed_kmh": 10}),
        Row("5114", vehicle.SetOutput, _OneOutput(), where={"safe_speed_kmh": 20, "duration_ms": 0}),
        Row("5114", vehicle.SetOutputs, _Outputs(), where={"safe_speed_kmh": 20}),
        Row("4115", vehicle.SetOutput, _OneOutput(), where={"safe_speed_kmh": None, "duration_ms": 0}),
        Row("4115", vehicle.SetOutputs, _Outputs(), where={"safe_speed_kmh": None}),
        Row("4116", alarms.SetInputTriggers, _Triggers()),
        Row("4126", unit.SetPowerDown, Parameters("after_min")),
        Row("4130", phones.SetListenInPhone, Parameters("phone")),
        Row("4131", reporting.SetLogInterval, Parameters("interval_s")),
        Row("4132", phones.SetSmsTimeZone, Parameters("offset_min")),
        Row("4135", alarms.SetVibrationSensitivity, Parameters("sensitivity")),
        Row("4136", reporting.SetHeadingReport, Parameters("angle_deg")),
        Row("4150", alarms.SetAntennaAlarm, Packed(Number("enabled"))),
        Row("4151", photos.TakePhoto, where={"cameras": None}, answered_by="0800"),
        Row("4155", unit.SetGprs, Parameters("mode,host,port,apn,user,password")),
        Row("4302", alarms.SetFence, _Fence(), where={"index": 1}),
        Row("4303", reporting.SetDistanceReport, Parameters("distance_m")),
        Row("4351", vehicle.SetOdometer, where={"odometer_m": 0}),
        Row("4902", unit.Restart, where={"part": "gps"}),
        Row("5199", reporting.SetHeartbeat, Parameters("interval_min")),
        Row("5503", reporting.ClearRecords, where={"queue": "server_1"}),
        Row("9001", unit.Identify, reply=replies.IDENTITY),
        Row("9002", reporting.ReadInterval, reply=replies.INTERVAL),
        Row("9003", phones.ReadButtonPhones, Packed(Number("button")), reply=replies.PHONES),
        Row("9016", reporting.ReadLog, _LogRequest(), answered_by="9016"),
    ),
)  # fmt: skip


OUTPUT_CODES = frozenset(("4114", "5114", "4115"))


def fewer_outputs(data: bytes, outputs: int) -> bytes:
    """The same for a unit that takes fewer bytes; CommandError when it has no such output."""
    if outputs not in _OUTPUT_BYTES:
        raise CommandError("outputs is 1, 2 or 5", argument="outputs")
    if data[outputs:].strip(b"\x02"):
        raise CommandError(f"output is from 1 to {outputs} for this device", argument="output")
    return data[:outputs]
