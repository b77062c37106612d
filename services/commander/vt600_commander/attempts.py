"""SQL of the attempts."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import ARRAY, DateTime, Text, any_, bindparam, or_, select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_bus.records import DeliveryReport
from vt600_commander.at_hand import at_hand
from vt600_commander.models import Attempt, QueuedCommand

_KEPT = timedelta(days=1)  # an answer that comes later answers nothing
_TIME = DateTime(timezone=True)

# By arrays and not by joins: those are looked up in the indexes also while the tables have no statistics yet.
_FIND = select(Attempt).where(Attempt.command_id == any_(bindparam("command_ids", type_=ARRAY(Text))))
# Of those that are answered only two kinds matter: the one that this very reply answered before, and the newest of its number.
_ANSWERABLE = (
    select(Attempt)
    .where(
        Attempt.device_id == any_(bindparam("device_ids", type_=ARRAY(Text))),
        Attempt.reply_code == any_(bindparam("codes", type_=ARRAY(Text))),
        Attempt.dispatched_at > bindparam("since", type_=_TIME),
        Attempt.refused.is_(None),
        or_(
            Attempt.replied_at.is_(None),
            Attempt.replied_at == any_(bindparam("times", type_=ARRAY(_TIME))),
            Attempt.packet_no.is_not(None),
        ),
    )
    .order_by(Attempt.dispatched_at, Attempt.attempt)
)


def keep(db: AsyncSession, command: QueuedCommand) -> None:
    """Remember the dispatch that the command's row describes."""
    db.add(
        Attempt(
            command_id=command.command_id,
            attempt=command.attempt,
            device_id=command.device_id,
            listener_id=command.listener_id,
            session_id=command.session_id,
            reply_code=command.reply_code,
            packet_no=command.packet_no,
            payload=command.payload,
            dispatched_at=command.dispatched_at,
        )
    )


async def find(db: AsyncSession, command_id: str, attempt: int) -> Attempt | None:
    """One attempt."""
    key = (command_id, attempt)
    hand = at_hand(db).attempts
    return hand[key] if key in hand else await db.get(Attempt, key)


async def find_all(db: AsyncSession, keys: Sequence[tuple[str, int]]) -> dict[tuple[str, int], Attempt | None]:
    """Each of them, None where there is no such attempt."""
    found: dict[tuple[str, int], Attempt | None] = dict.fromkeys(keys)
    if keys:
        rows = (await db.execute(_FIND, {"command_ids": list({key[0] for key in keys})})).scalars()
        found |= {(row.command_id, row.attempt): row for row in rows}
    return found


async def of_reply(db: AsyncSession, reply: DeliveryReport, now: datetime) -> list[Attempt]:
    """The attempts that a reply may answer, the oldest first, refused ones left out."""
    key = (reply.device_id, reply.code or "")
    hand = at_hand(db).answerable
    found = hand[key] if key in hand else (await of_replies(db, [reply], now))[key]
    return [attempt for attempt in found if attempt.packet_no == reply.packet_no and attempt.refused is None]


async def of_replies(
    db: AsyncSession, replies: Sequence[DeliveryReport], now: datetime
) -> dict[tuple[str, str], list[Attempt]]:
    """The same for many, by device and code, whatever their packet numbers."""
    found: dict[tuple[str, str], list[Attempt]] = {(reply.device_id, reply.code or ""): [] for reply in replies}
    if found:
        values = {
            "device_ids": list({device_id for device_id, _code in found}),
            "codes": list({code for _device_id, code in found}),
            "times": [reply.at for reply in replies],
            "since": now - _KEPT,
        }
        for attempt in (await db.execute(_ANSWERABLE, values)).scalars():
            if (key := (attempt.device_id, attempt.reply_code)) in found:
                found[key].append(attempt)
    return found
