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
    __table_args__ = (Index(None, "device_id", "requested_at", "command_id"),)

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


class CommandTransition(Base):
    """One change of a command's state."""

    __tablename__ = "command_transitions"

    command_id: Mapped[str] = mapped_column(Text, primary_key=True)
    revision: Mapped[int] = mapped_column(BigInteger, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    at: Mapped[datetime] = mapped_column(_TIME)
    attempt: Mapped[int] = mapped_column(Integer)
    reason: Mapped[str | None] = mapped_column(Text)
    listener_id: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str | None] = mapped_column(Text)
