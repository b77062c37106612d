"""What a command may do to the engine, which output 1 cuts (SPEC §6)."""

from dataclasses import replace
from typing import Literal

from vt600_protocol.commands.base import Command
from vt600_protocol.commands.vehicle import RunOutputPattern, SetImmobiliser, SetOutput, SetOutputEvents, SetOutputs

EngineCut = Literal["no", "now", "later"]

_SAFE_SPEED_KMH = 10  # what both dialects can say


def engine_cut(command: Command) -> EngineCut:
    """Whether the command cuts the engine: `now`, when it is carried out, or `later`, by a clock or an event that nobody watches."""
    match command:
        case SetImmobiliser(engaged=True) | SetOutput(output=1, on=True) | SetOutputs(states=("on", *_)):
            return "now"
        case RunOutputPattern(output=1, running=True) | SetOutputEvents(output=1):
            return "later"
        case SetOutput(output=1, duration_ms=duration_ms) if duration_ms:
            return "later"  # off for a while: what comes after that is the unit's
    return "no"


def with_own_interlock(command: Command) -> Command:
    """The same cut with the unit's own interlock, which waits for a fix and a low speed; what has one already is as it was."""
    if isinstance(command, SetOutput | SetOutputs) and command.safe_speed_kmh is None:
        return replace(command, safe_speed_kmh=_SAFE_SPEED_KMH)
    return command
