"""What was recorded at both ends of a run: who asked for what, what the gateway says became of it, and what the devices received."""

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Literal

import msgspec

State = Literal[
    "queued", "dispatched", "written", "acknowledged", "failed", "expired", "cancelled", "rejected", "unknown"
]


class Asked(msgspec.Struct, frozen=True, kw_only=True, tag="asked"):
    """One request over REST, and how it was answered; `status` is None when no answer came. `commands` is what it asks for, each as
    `Told.body` has it."""

    device_id: str
    at: datetime
    key: str | None
    body: str
    commands: tuple[str, ...]
    status: int | None
    command_ids: tuple[str, ...] = ()
    error: str | None = None


class Change(msgspec.Struct, frozen=True, kw_only=True):
    """One row of a command's audit."""

    revision: int
    state: State
    at: datetime
    reason: str | None = None


class Told(msgspec.Struct, frozen=True, kw_only=True, tag="told"):
    """A command as the gateway tells of it in the end. `content` is what its bytes say, None when the device's dialect cannot say it."""

    command_id: str
    device_id: str
    body: str
    content: str | None
    command_class: Literal["query", "setting", "actuating"]
    requested_at: datetime
    deadline_at: datetime
    state: State
    reason: str | None = None
    sequence_id: str | None = None
    step: int | None = None
    changes: tuple[Change, ...] = ()


class Received(msgspec.Struct, frozen=True, kw_only=True, tag="received"):
    """A command that reached a device. `yes_at` and `no_at` are when it first answered so, in a way that can be understood."""

    device_id: str
    at: datetime
    content: str
    data: str
    link: str
    manner: str
    yes_at: datetime | None = None
    no_at: datetime | None = None


class Fault(msgspec.Struct, frozen=True, kw_only=True, tag="fault"):
    """What was killed with -9, and when it was ready again."""

    names: tuple[str, ...]
    at: datetime
    back_at: datetime


class History(msgspec.Struct, frozen=True, kw_only=True):
    """One run. A command may be without its final state until `grace_s` after its deadline; `slack_s` is how long bytes may be on
    their way, from the listener's check of the deadline to the device's clock."""

    seed: int
    ended_at: datetime
    grace_s: float
    slack_s: float
    asked: tuple[Asked, ...] = ()
    told: tuple[Told, ...] = ()
    received: tuple[Received, ...] = ()
    faults: tuple[Fault, ...] = ()


class _Run(msgspec.Struct, frozen=True, kw_only=True, tag="run"):
    seed: int
    ended_at: datetime
    grace_s: float
    slack_s: float


_Line = _Run | Asked | Told | Received | Fault


def write(history: History, path: Path) -> None:
    """One JSON line for each event."""
    run = _Run(seed=history.seed, ended_at=history.ended_at, grace_s=history.grace_s, slack_s=history.slack_s)
    lines: Iterable[_Line] = (run, *history.faults, *history.asked, *history.told, *history.received)
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def read(path: Path) -> History:
    """What `write` wrote."""
    decoder = msgspec.json.Decoder(_Line)
    run, *lines = [decoder.decode(line) for line in path.read_bytes().splitlines()]
    assert isinstance(run, _Run)
    return History(
        seed=run.seed,
        ended_at=run.ended_at,
        grace_s=run.grace_s,
        slack_s=run.slack_s,
        asked=tuple(line for line in lines if isinstance(line, Asked)),
        told=tuple(line for line in lines if isinstance(line, Told)),
        received=tuple(line for line in lines if isinstance(line, Received)),
        faults=tuple(line for line in lines if isinstance(line, Fault)),
    )
