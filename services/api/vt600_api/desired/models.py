"""Settings that people want devices to have, and how far each is."""

from datetime import datetime
from typing import Any

from sqlalchemy import CheckConstraint, DateTime, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey

_TIME = DateTime(timezone=True)


class DesiredSetting(Base):
    """One setting of one device.

    `work` is what is left to do: `set` and `read` wait for their command to be asked for, `setting` and `reading` for its end, and
    `replaced` waits for the end of a command that says an older value, of this setting or of one that shares the command. `change_id` is another with each change of the value, and
    `attempts` counts the commands since: both make a command's id. `request` may not be on the bus yet.
    """

    __tablename__ = "desired_settings"
    __table_args__ = (
        CheckConstraint("state IN ('in_sync', 'pending', 'refused', 'not_supported')", name="state"),
        CheckConstraint("work IN ('set', 'setting', 'replaced', 'read', 'reading')", name="work"),
        CheckConstraint("confirmed_by IN ('answer', 'read_back')", name="confirmed_by"),
        Index("ix_desired_settings_work", "device_id", postgresql_where=text("work IS NOT NULL")),
    )

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    setting: Mapped[str] = mapped_column(Text, primary_key=True)
    value: Mapped[Any] = mapped_column(JSONB)
    changed_at: Mapped[datetime] = mapped_column(_TIME)
    changed_by: Mapped[str] = mapped_column(Text)
    change_id: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(_TIME)
    reason: Mapped[str | None] = mapped_column(Text)
    confirmed_by: Mapped[str | None] = mapped_column(Text)
    confirmed_at: Mapped[datetime | None] = mapped_column(_TIME)
    reported: Mapped[Any | None] = mapped_column(JSONB(none_as_null=True))
    work: Mapped[str | None] = mapped_column(Text)
    next_at: Mapped[datetime] = mapped_column(_TIME)
    attempts: Mapped[int] = mapped_column(Integer, server_default=text("0"))
    command_id: Mapped[str | None] = mapped_column(Text)
    request: Mapped[bytes | None] = mapped_column(LargeBinary)
