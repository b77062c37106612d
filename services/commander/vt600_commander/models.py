"""The queue and the outbox of its changes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_bus.records import CommandState
from vt600_commander.database import Base

_TIME = DateTime(timezone=True)


class QueuedCommand(Base):
    """A command from the moment it was asked for. It waits until its state is final, and is kept on for late answers.

    `check_at` is when the clock must look at it again; null once the state is final. `payload`, `session_id` and the like are those
    of the last dispatch; `downlink_published` tells whether the bus is known to hold it.
    """

    __tablename__ = "queued_commands"
    __table_args__ = (
        Index("ix_queued_commands_waiting", "device_id", "requested_at", postgresql_where=text("check_at IS NOT NULL")),
        Index("ix_queued_commands_check_at", "check_at", postgresql_where=text("check_at IS NOT NULL")),
        Index("ix_queued_commands_unknown", "device_id", postgresql_where=text("state = 'unknown'")),
    )

    command_id: Mapped[str] = mapped_column(Text, primary_key=True)
    device_id: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)
    command_class: Mapped[str] = mapped_column(Text)
    queue: Mapped[str] = mapped_column(Text)
    requested_at: Mapped[datetime] = mapped_column(_TIME)
    requested_by: Mapped[str] = mapped_column(Text)
    deadline_at: Mapped[datetime] = mapped_column(_TIME)
    state: Mapped[CommandState] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(BigInteger)
    check_at: Mapped[datetime | None] = mapped_column(_TIME)
    reason: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    listener_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
    generation: Mapped[int | None] = mapped_column(BigInteger)
    dispatched_at: Mapped[datetime | None] = mapped_column(_TIME)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_code: Mapped[str | None] = mapped_column(Text)
    packet_no: Mapped[str | None] = mapped_column(Text)
    downlink_published: Mapped[bool] = mapped_column(Boolean, default=False)
    written: Mapped[bytes | None] = mapped_column(LargeBinary)
    written_at: Mapped[datetime | None] = mapped_column(_TIME)
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_text: Mapped[str | None] = mapped_column(Text)


class StatusOutbox(Base):
    """A change of state as it is to be published; the row goes once the bus holds it."""

    __tablename__ = "status_outbox"

    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    command_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_TIME)
    record: Mapped[bytes] = mapped_column(LargeBinary)
