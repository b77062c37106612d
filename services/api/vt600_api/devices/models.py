"""The registry of devices."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, func, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey


class Device(Base):
    """A tracker. One that nobody registered is `pending`: it is stored all the same and waits to be adopted.

    `pending_frames` is how many of its frames were stored while it was pending, `introduced_by` the address of the first of them.
    """

    __tablename__ = "devices"
    __table_args__ = (
        CheckConstraint("state IN ('pending', 'active')", name="state"),
        Index("ix_devices_group_name", "group_name", "device_id", postgresql_where=text("group_name IS NOT NULL")),
        Index("ix_devices_introduced_by", "introduced_by", postgresql_where=text("state = 'pending'")),
    )

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    name: Mapped[str | None] = mapped_column(Text)
    group: Mapped[str | None] = mapped_column("group_name", Text)
    state: Mapped[str] = mapped_column(Text, server_default="pending")
    dialect: Mapped[str | None] = mapped_column(Text)
    imei: Mapped[str | None] = mapped_column(Text)
    settings: Mapped[dict[str, Any]] = mapped_column(JSONB, server_default="{}")
    created_at: Mapped[datetime] = mapped_column(DateTime(timezone=True), server_default=func.now())
    adopted_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    first_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    last_seen_at: Mapped[datetime | None] = mapped_column(DateTime(timezone=True))
    pending_frames: Mapped[int] = mapped_column(BigInteger, server_default="0")
    introduced_by: Mapped[str | None] = mapped_column(Text)
