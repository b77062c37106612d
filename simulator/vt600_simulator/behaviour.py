"""How a tracker takes commands, and what the network between does to its bytes."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Literal, NamedTuple, cast, get_args

from vt600_protocol import Answer, CommandFrame, encode_reply

Manner = Literal["obeys", "refuses", "late", "twice", "wrong_code", "broken", "silent", "dies"]

_MANNERS: tuple[str, ...] = get_args(Manner)
_OTHER_CODE = {"binary": "4150", "ascii": "620"}  # antenna alarm, lights: their answers are a plain yes


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Each command is taken in one of `manners`, by chance; one that is named twice is twice as likely. `late` answers come after
    `late_s`. With `nat_s` the network forgets the way to a tracker that has sent nothing for so long: what comes then vanishes, and
    its next bytes open a way again, over UDP from a new port, over TCP on the same link, which breaks instead with `nat_resets`.
    """

    manners: tuple[Manner, ...] = ("obeys",)
    late_s: float = 5.0
    nat_s: float | None = None
    nat_resets: bool = False


HONEST = Behaviour()


def read_behaviour(text: str) -> Behaviour:
    """From words with commas between, as in `obeys,obeys,refuses,late,late_s=3,nat_s=60,nat_resets`; ValueError for other words."""
    words = [word.strip() for word in text.split(",")]
    manners = tuple(cast("Manner", word) for word in words if word in _MANNERS)
    behaviour = Behaviour(manners=manners or ("obeys",))
    for word in words:
        name, _, value = word.partition("=")
        if name == "late_s":
            behaviour = replace(behaviour, late_s=float(value))
        elif name == "nat_s":
            behaviour = replace(behaviour, nat_s=float(value))
        elif word == "nat_resets":
            behaviour = replace(behaviour, nat_resets=True)
        elif word not in _MANNERS:
            raise ValueError(f"{word!r} is none of {', '.join(_MANNERS)}, late_s=…, nat_s=…, nat_resets")
    return behaviour


class Sent(NamedTuple):
    """Bytes of the tracker, and when they left."""

    at: datetime
    data: bytes


@dataclass(slots=True)
class ReceivedCommand:
    """A command that reached the tracker, how it was taken, and what went back so far."""

    device_id: str
    code: str
    received_at: datetime
    received: bytes
    link: str
    manner: Manner
    answers: list[Sent] = field(default_factory=list)


class Reaction(NamedTuple):
    """What follows from a command: bytes after a while, or the end of the link."""

    command: ReceivedCommand
    frames: tuple[bytes, ...]
    after_s: float
    dies: bool


def react(frame: CommandFrame, reply: bytes, command: ReceivedCommand, late_s: float) -> Reaction:
    """What a tracker does whose honest answer would be `reply`."""
    frames: tuple[bytes, ...] = (reply,)
    match command.manner:
        case "twice":
            frames = (reply, reply)
        case "wrong_code":
            frames = (encode_reply(replace(frame, code=_OTHER_CODE[frame.dialect]), Answer(ok=True)),)
        case "broken":
            middle = len(reply) // 2
            frames = (reply[:middle] + bytes([reply[middle] ^ 0x01]) + reply[middle + 1 :],)
        case "silent" | "dies":
            frames = ()
    return Reaction(command, frames, late_s if command.manner == "late" else 0.0, command.manner == "dies")


class Nat:
    """A middle box that forgets the way back when nothing was sent for a while. It lives as long as one link."""

    def __init__(self, behaviour: Behaviour, clock: Callable[[], float]) -> None:
        self._forget_s = behaviour.nat_s
        self._clock = clock
        self._sent_at = clock()
        self.resets = behaviour.nat_resets

    def has_forgotten(self) -> bool:
        """Whether what comes from the gateway finds no way to the tracker."""
        return self._forget_s is not None and self._clock() - self._sent_at >= self._forget_s

    def sends(self) -> None:
        """The tracker sends bytes."""
        self._sent_at = self._clock()
