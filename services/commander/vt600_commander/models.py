"""The queue and the outbox of its changes."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, Boolean, DateTime, Identity, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_bus.records import CommandState
from vt600_commander.database import Base

_TIME = DateTime(timezone=True)
_WAITING = text("check_at IS NOT NULL")


class QueuedCommand(Base):
    """A command from the moment it was asked for. It waits until its state is final, and is kept on for late answers
    and for requests that are read again.

    `position` is the order in which requests came. `check_at` is when the clock must look at it again, null once the state is final;
    `retry_at` is before when it must not be dispatched again. `attempt` counts dispatches, `tries` those whose bytes may have left:
    only without any is it sure that nothing was sent. `published_attempt` is the last one that the bus is known to hold.
    `payload`, `session_id` and the like are those of the last dispatch; `held_at` tells that its listener waits for the device's
    next sign of life, `recalled_attempt` is the last one that was asked back. A command of `queue` never is bound to the link that
    was open when it came. What cuts an engine has an `interlock`, unless somebody overrode it, and waits for a confirmation until
    `confirm_by`, which is null once it came. `cancelled_by` wants it back. `replied_at` is the listener's time of the reply that settled it.
    `traceparent` is where its trace goes on from here.
    """

    __tablename__ = "queued_commands"
    __table_args__ = (
        Index("ix_queued_commands_waiting", "device_id", "priority", "position", postgresql_where=_WAITING),
        Index("ix_queued_commands_check_at", "check_at", postgresql_where=_WAITING),
        Index("ix_queued_commands_ended", "deadline_at", postgresql_where=text("check_at IS NULL")),
        Index("ix_queued_commands_unknown", "device_id", postgresql_where=text("state = 'unknown'")),
        Index("ix_queued_commands_sequence", "sequence_id", "step", postgresql_where=text("sequence_id IS NOT NULL")),
        Index(
            "ix_queued_commands_packet", "device_id", "dispatched_at", postgresql_where=text("packet_no IS NOT NULL")
        ),
    )

    command_id: Mapped[str] = mapped_column(Text, primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger, Identity())
    device_id: Mapped[str] = mapped_column(Text)
    type: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)
    command_class: Mapped[str] = mapped_column(Text)
    priority: Mapped[int] = mapped_column(Integer)
    output_bytes: Mapped[int | None] = mapped_column(Integer)
    queue: Mapped[str] = mapped_column(Text)
    bound_session_id: Mapped[str | None] = mapped_column(Text)
    sequence_id: Mapped[str | None] = mapped_column(Text)
    step: Mapped[int | None] = mapped_column(Integer)
    requested_at: Mapped[datetime] = mapped_column(_TIME)
    requested_by: Mapped[str] = mapped_column(Text)
    deadline_at: Mapped[datetime] = mapped_column(_TIME)
    interlock: Mapped[dict[str, float] | None] = mapped_column(JSONB(none_as_null=True))
    confirm_by: Mapped[datetime | None] = mapped_column(_TIME)
    state: Mapped[CommandState] = mapped_column(Text)
    revision: Mapped[int] = mapped_column(BigInteger)
    check_at: Mapped[datetime | None] = mapped_column(_TIME)
    retry_at: Mapped[datetime | None] = mapped_column(_TIME)
    reason: Mapped[str | None] = mapped_column(Text)
    cancelled_by: Mapped[str | None] = mapped_column(Text)
    attempt: Mapped[int] = mapped_column(Integer, default=0)
    tries: Mapped[int] = mapped_column(Integer, default=0)
    published_attempt: Mapped[int] = mapped_column(Integer, default=0)
    recalled_attempt: Mapped[int] = mapped_column(Integer, default=0)
    listener_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
    generation: Mapped[int | None] = mapped_column(BigInteger)
    dispatched_at: Mapped[datetime | None] = mapped_column(_TIME)
    held_at: Mapped[datetime | None] = mapped_column(_TIME)
    payload: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_code: Mapped[str | None] = mapped_column(Text)
    packet_no: Mapped[str | None] = mapped_column(Text)
    written: Mapped[bytes | None] = mapped_column(LargeBinary)
    written_at: Mapped[datetime | None] = mapped_column(_TIME)
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_text: Mapped[str | None] = mapped_column(Text)
    replied_at: Mapped[datetime | None] = mapped_column(_TIME)
    traceparent: Mapped[str | None] = mapped_column(Text)


class Attempt(Base):
    """One dispatch of a command, by which its answer is known: `written_at` and `replied_at` are the listener's times.

    `refused` is why not one byte of it left. What the device said is kept here even when it came before the word of the write, or
    when it settled nothing.
    """

    __tablename__ = "attempts"
    __table_args__ = (Index("ix_attempts_device_id", "device_id", "reply_code", "dispatched_at"),)

    command_id: Mapped[str] = mapped_column(Text, primary_key=True)
    attempt: Mapped[int] = mapped_column(Integer, primary_key=True)
    device_id: Mapped[str] = mapped_column(Text)
    listener_id: Mapped[str] = mapped_column(Text)
    session_id: Mapped[str] = mapped_column(Text)
    reply_code: Mapped[str] = mapped_column(Text)
    packet_no: Mapped[str | None] = mapped_column(Text)
    payload: Mapped[bytes] = mapped_column(LargeBinary)
    dispatched_at: Mapped[datetime] = mapped_column(_TIME)
    written_at: Mapped[datetime | None] = mapped_column(_TIME)
    refused: Mapped[str | None] = mapped_column(Text)
    replied_at: Mapped[datetime | None] = mapped_column(_TIME)
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_text: Mapped[str | None] = mapped_column(Text)
    reply_ok: Mapped[bool | None] = mapped_column(Boolean)
    reply_reason: Mapped[str | None] = mapped_column(Text)
    reply_certain: Mapped[bool | None] = mapped_column(Boolean)


class StatusOutbox(Base):
    """A change of state as it is to be published; the row goes once the bus holds it."""

    __tablename__ = "status_outbox"

    position: Mapped[int] = mapped_column(BigInteger, Identity(), primary_key=True)
    command_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_TIME)
    record: Mapped[bytes] = mapped_column(LargeBinary)
    traceparent: Mapped[str | None] = mapped_column(Text)
