"""What this service knows of links: a projection of vt600.sessions.v1 and vt600.listeners.v1, written by ingest."""

from datetime import datetime

from sqlalchemy import BigInteger, CheckConstraint, DateTime, Index, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey

_TIME = DateTime(timezone=True)


class DeviceSession(Base):
    """One link of one device. `lost` is one whose listener fell silent: it counts as closed until the listener says otherwise.

    `changed_at` is the time of the listener's newest word on it.
    """

    __tablename__ = "device_sessions"
    __table_args__ = (
        CheckConstraint("state IN ('open', 'closed', 'lost')", name="state"),
        Index("ix_device_sessions_listeners", "listener_id", "state", postgresql_where=text("state <> 'closed'")),
    )

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    generation: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    session_id: Mapped[str] = mapped_column(Text, primary_key=True)
    listener_id: Mapped[str] = mapped_column(Text)
    dialect: Mapped[str] = mapped_column(Text)
    transport: Mapped[str] = mapped_column(Text)
    peer: Mapped[str] = mapped_column(Text)
    state: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(_TIME)
    opened_at: Mapped[datetime] = mapped_column(_TIME)
    quiet_since: Mapped[datetime | None] = mapped_column(_TIME)
    closed_at: Mapped[datetime | None] = mapped_column(_TIME)
    cause: Mapped[str | None] = mapped_column(Text)


class DeviceLink(Base):
    """Whether a device can be reached, by its newest link, column by column as in vt600_bus.records.LinkStatus."""

    __tablename__ = "device_links"
    __table_args__ = (
        CheckConstraint("state IN ('online', 'quiet', 'offline')", name="state"),
        Index(None, "state", "device_id"),
    )

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    state: Mapped[str] = mapped_column(Text)
    since: Mapped[datetime] = mapped_column(_TIME)
    cause: Mapped[str | None] = mapped_column(Text)
    session_id: Mapped[str] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(BigInteger)
    listener_id: Mapped[str] = mapped_column(Text)
    opened_at: Mapped[datetime] = mapped_column(_TIME)
    transport: Mapped[str] = mapped_column(Text)
    peer: Mapped[str] = mapped_column(Text)
