"""Commands ↔ code and data of `@@` frames (SPEC §3.10)."""

from vt600_protocol.errors import CommandError
from vt600_protocol.messages import (
    Command,
    Identify,
    RequestPosition,
    Restart,
    SetImmobiliser,
    SetInterval,
    SetOutput,
)

INTERVAL_STEP_S = 10
OUTPUTS = 5
KEEP = 2

# Code → speed below which the unit itself carries the outputs out (SPEC §3.10).
_OUTPUT_CODES = {"4115": None, "4114": 10, "5114": 20}
_OUTPUT_CODE_OF = {speed: code for code, speed in _OUTPUT_CODES.items()}

# Command code → code of the frame that answers it, where it is another one.
REPLY_CODES = {"4102": "5100", "4101": "9955"}


def encode(command: Command) -> tuple[str, bytes]:
    """Code and data of the command; CommandError when this dialect cannot say it."""
    match command:
        case RequestPosition():
            return "4101", b""
        case SetInterval(interval_s=seconds):
            if seconds % INTERVAL_STEP_S:
                raise CommandError("interval_s is a multiple of 10 s in the binary dialect", argument="interval_s")
            return "4102", (seconds // INTERVAL_STEP_S).to_bytes(2, "big")
        case SetOutput(output=output, on=on, safe_speed_kmh=speed):
            return _output_code(speed), _outputs(output, on=on)
        case SetImmobiliser(engaged=engaged, safe_speed_kmh=speed):
            return (_output_code(speed) if engaged else "4115"), _outputs(1, on=engaged)
        case Identify():
            return "9001", b""
        case _:
            if command.part != "gps":
                raise CommandError("part is gps in the binary dialect: nothing else can be restarted", argument="part")
            return "4902", b""


def decode(code: str, data: bytes) -> Command | None:
    """The command of a code and its data, None for one that this decoder does not know."""
    if code == "4101":
        return RequestPosition()
    if code == "4102" and len(data) == 2:
        return SetInterval(interval_s=int.from_bytes(data, "big") * INTERVAL_STEP_S)
    if code in _OUTPUT_CODES and len(data) in (1, 2, OUTPUTS):
        changed = [(number, value) for number, value in enumerate(data, 1) if value in (0, 1)]
        if len(changed) == 1:
            number, value = changed[0]
            return SetOutput(output=number, on=bool(value), safe_speed_kmh=_OUTPUT_CODES[code])
    if code == "9001":
        return Identify()
    if code == "4902":
        return Restart(part="gps")
    return None


def _output_code(speed: int | None) -> str:
    if speed not in _OUTPUT_CODE_OF:
        raise CommandError("safe_speed_kmh is 10 or 20 in the binary dialect", argument="safe_speed_kmh")
    return _OUTPUT_CODE_OF[speed]


def _outputs(output: int, *, on: bool) -> bytes:
    """One byte for each output; 2 leaves an output as it is. The VT600's state word has five outputs (SPEC §3.10)."""
    return bytes(int(on) if number == output else KEEP for number in range(1, OUTPUTS + 1))
