"""SQL of the attempts."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_commander.models import Attempt, QueuedCommand

Tried = tuple[Attempt, QueuedCommand]


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
    return await db.get(Attempt, (command_id, attempt))


async def of_code(
    db: AsyncSession, device_id: str, code: str, packet_no: str | None, since: datetime
) -> Sequence[Tried]:
    """The attempts that a reply of this code and packet number may answer, the oldest first, refused ones left out."""
    query = (
        select(Attempt, QueuedCommand)
        .join(QueuedCommand, QueuedCommand.command_id == Attempt.command_id)
        .where(
            Attempt.device_id == device_id,
            Attempt.reply_code == code,
            Attempt.dispatched_at > since,
            Attempt.packet_no.is_not_distinct_from(packet_no),
            Attempt.refused.is_(None),
        )
        .order_by(Attempt.dispatched_at, Attempt.attempt)
    )
    return [(row[0], row[1]) for row in await db.execute(query)]
