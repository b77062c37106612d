"""What a transaction has read ahead, so that its steps need not ask for each row by itself."""

from dataclasses import dataclass, field

from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander.models import Attempt, QueuedCommand

_KEY = "at hand"


@dataclass(slots=True)
class AtHand:
    """Rows by their keys, None for one that is not there; by device and code what a reply may answer; by device how many commands
    wait at most."""

    commands: dict[str, QueuedCommand | None] = field(default_factory=dict)
    attempts: dict[tuple[str, int], Attempt | None] = field(default_factory=dict)
    answerable: dict[tuple[str, str], list[Attempt]] = field(default_factory=dict)
    waiting: dict[str, int] = field(default_factory=dict)


def at_hand(db: AsyncSession) -> AtHand:
    """What this transaction has read ahead; at first nothing."""
    found: AtHand = db.info.setdefault(_KEY, AtHand())
    return found


def let_go(db: AsyncSession) -> None:
    """Nothing of it holds any longer."""
    db.info.pop(_KEY, None)
