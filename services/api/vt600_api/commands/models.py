"""What this service knows of commands: a projection of vt600.command-statuses.v1. The commander owns the truth."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey

_TIME = DateTime(timezone=True)


class Command(Base):
    """A command as it stands after its latest known change. `revision` grows with each change; 0 is the request itself."""

    __tablename__ = "commands"
    __table_args__ = (
        Index(None, "device_id", "requested_at", "command_id"),
        Index(
            "ix_commands_sequence_id_step",
            "sequence_id",
            "step",
            postgresql_where=text("sequence_id IS NOT NULL"),
        ),
        Index("ix_commands_sequences", "device_id", "requested_at", "sequence_id", postgresql_where=text("step = 0")),
        Index(
            "ix_commands_waiting",
            "device_id",
            postgresql_where=text("state IN ('queued', 'dispatched', 'written')"),
        ),
    )

    command_id: Mapped[str] = mapped_column(Text, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger)
    device_id: Mapped[str] = mapped_column(DeviceKey)
    type: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default=text("'{}'"))
    state: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(_TIME)
    requested_at: Mapped[datetime] = mapped_column(_TIME)
    requested_by: Mapped[str] = mapped_column(Text)
    deadline_at: Mapped[datetime] = mapped_column(_TIME)
    attempt: Mapped[int] = mapped_column(Integer, server_default="0")
    reason: Mapped[str | None] = mapped_column(Text)
    listener_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
    written: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply_text: Mapped[str | None] = mapped_column(Text)
    sequence_id: Mapped[str | None] = mapped_column(Text)
    step: Mapped[int | None] = mapped_column(Integer)


class CommandTransition(Base):
    """One change of a command's state: what caused it, and the bytes that left or came with it."""

    __tablename__ = "command_transitions"

    command_id: Mapped[str] = mapped_column(Text, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(_TIME)
    attempt: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    listener_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
    cause: Mapped[str | None] = mapped_column(Text)
    written: Mapped[bytes | None] = mapped_column(LargeBinary)
    reply: Mapped[bytes | None] = mapped_column(LargeBinary)


class IdempotencyKey(Base):
    """A key that a caller sent with a request, and the id of what it made or is about to make."""

    __tablename__ = "idempotency_keys"
    __table_args__ = (Index(None, "created_at"),)

    caller: Mapped[str] = mapped_column(Text, primary_key=True)
    key: Mapped[str] = mapped_column(Text, primary_key=True)
    fingerprint: Mapped[bytes] = mapped_column(LargeBinary)
    resource_id: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(_TIME)
    claimed_until: Mapped[datetime] = mapped_column(_TIME)
    done_at: Mapped[datetime | None] = mapped_column(_TIME)
