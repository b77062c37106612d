"""Campaigns, and what became of each of their devices."""

from datetime import datetime, time
from typing import Any

from sqlalchemy import Boolean, CheckConstraint, DateTime, Float, Index, Integer, LargeBinary, Text, Time, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey

_TIME = DateTime(timezone=True)


class Campaign(Base):
    """A command for many devices, and how fast they may get it.

    `is_limited`: all campaigns of that kind share one rate. `is_settled`: it was stopped, and what waited for devices is taken back.
    """

    __tablename__ = "campaigns"
    __table_args__ = (
        CheckConstraint("state IN ('running', 'paused', 'finished', 'cancelled', 'aborted')", name="state"),
        Index(None, "requested_at", "campaign_id"),
        Index("ix_campaigns_due", "campaign_id", postgresql_where=text("NOT is_settled")),
    )

    campaign_id: Mapped[str] = mapped_column(Text, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default="running")
    reason: Mapped[str | None] = mapped_column(Text)
    requested_at: Mapped[datetime] = mapped_column(_TIME)
    requested_by: Mapped[str] = mapped_column(Text)
    changed_at: Mapped[datetime] = mapped_column(_TIME)
    type: Mapped[str] = mapped_column(Text)
    args: Mapped[dict[str, Any]] = mapped_column(JSONB)
    deadline_s: Mapped[float | None] = mapped_column(Float)
    queue: Mapped[str] = mapped_column(Text)
    is_limited: Mapped[bool] = mapped_column(Boolean)
    is_settled: Mapped[bool] = mapped_column(Boolean, server_default=text("false"))
    per_minute: Mapped[int] = mapped_column(Integer)
    max_open: Mapped[int] = mapped_column(Integer)
    hours_since: Mapped[time | None] = mapped_column(Time)
    hours_until: Mapped[time | None] = mapped_column(Time)
    max_failed_share: Mapped[float] = mapped_column(Float)
    min_ended: Mapped[int] = mapped_column(Integer)


class CampaignDevice(Base):
    """A device's part: `waiting`, `refused` with its reason, `sending` while `request` may not be on the bus yet, then `sent`.

    What became of a command that was sent is in `commands`.
    """

    __tablename__ = "campaign_devices"
    __table_args__ = (
        CheckConstraint("state IN ('waiting', 'sending', 'sent', 'refused')", name="state"),
        Index(None, "campaign_id", "state", "device_id"),
        Index("ix_campaign_devices_asked_at", "asked_at", postgresql_where=text("asked_at IS NOT NULL")),
    )

    campaign_id: Mapped[str] = mapped_column(Text, primary_key=True)
    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    state: Mapped[str] = mapped_column(Text, server_default="waiting")
    reason: Mapped[str | None] = mapped_column(Text)
    command_id: Mapped[str | None] = mapped_column(Text)
    asked_at: Mapped[datetime | None] = mapped_column(_TIME)
    request: Mapped[bytes | None] = mapped_column(LargeBinary)
