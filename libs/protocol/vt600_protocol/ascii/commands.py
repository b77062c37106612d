"""Commands ↔ code and parameters of `$$` frames (SPEC §4.7)."""

from vt600_protocol.messages import (
    Command,
    Identify,
    RequestPosition,
    Restart,
    SetImmobiliser,
    SetInterval,
    SetOutput,
)
from vt600_protocol.values import integer

_PARTS = {"gsm": "1", "gps": "2", "device": "3"}
_PART_OF = {number: part for part, number in _PARTS.items()}

# Command code → code of the frame that answers it, where it is another one.
REPLY_CODES = {"800": "000"}


def encode(command: Command) -> tuple[str, str | None]:
    """Code and parameters of the command."""
    match command:
        case RequestPosition():
            return "800", None
        case SetInterval(interval_s=seconds):
            return "102", f"{seconds}"
        case SetOutput(output=output, on=on, safe_speed_kmh=speed):
            return "900", _output(output, on=on, safe_speed_kmh=speed)
        case SetImmobiliser(engaged=engaged, safe_speed_kmh=speed):
            return "900", _output(1, on=engaged, safe_speed_kmh=speed if engaged else None)
        case Identify():
            return "801", None
        case _:
            return "910", _PARTS[command.part]


def decode(code: str, parameters: str | None) -> Command | None:
    """The command of a code and its parameters, None for one that this decoder does not know."""
    values = [] if parameters is None else parameters.split(",")
    if code == "800":
        return RequestPosition()
    if code == "801":
        return Identify()
    if code == "910" and values and values[0] in _PART_OF:
        return Restart(part=_PART_OF[values[0]])  # type: ignore[arg-type]
    numbers = [integer(value) for value in values]
    if code == "102" and numbers and numbers[0] is not None:
        return SetInterval(interval_s=numbers[0])
    if code == "900" and len(numbers) >= 2 and numbers[0] is not None and numbers[1] in (0, 1):
        speed = numbers[3] if len(numbers) > 3 else None
        return SetOutput(output=numbers[0], on=numbers[1] == 1, safe_speed_kmh=speed or None)
    return None


def _output(output: int, *, on: bool, safe_speed_kmh: int | None) -> str:
    """`output,flag[,ms,safe_kmh]`: 0 ms is lasting; a safe speed waits for a fix and a lower speed (SPEC §4.7)."""
    return f"{output},{int(on)}" + (f",0,{safe_speed_kmh}" if safe_speed_kmh else "")
