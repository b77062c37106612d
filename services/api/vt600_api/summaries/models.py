"""Hours and days of devices. They begin at whole ones in UTC; those without a report have no row."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Double, Index
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey, HashKey

_TIME = DateTime(timezone=True)


class SummaryColumns:
    """What hours and days have in common; null is what no report told."""

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    start: Mapped[datetime] = mapped_column(_TIME, primary_key=True)
    distance_m: Mapped[float | None] = mapped_column(Double)
    moving_s: Mapped[float | None] = mapped_column(Double)
    idle_s: Mapped[float | None] = mapped_column(Double)
    ignition_s: Mapped[float | None] = mapped_column(Double)
    top_speed_kmh: Mapped[float | None] = mapped_column(Double)
    mean_speed_kmh: Mapped[float | None] = mapped_column(Double)
    reports: Mapped[int] = mapped_column(BigInteger)
    alarms: Mapped[int] = mapped_column(BigInteger)
    first_time: Mapped[datetime | None] = mapped_column(_TIME)
    first_latitude: Mapped[float | None] = mapped_column(Double)
    first_longitude: Mapped[float | None] = mapped_column(Double)
    last_time: Mapped[datetime | None] = mapped_column(_TIME)
    last_latitude: Mapped[float | None] = mapped_column(Double)
    last_longitude: Mapped[float | None] = mapped_column(Double)


class DeviceHour(SummaryColumns, Base):
    """An hour of a device.

    The report at (`source_at`, `source_frame_id`) is the oldest that it was worked out from: once retention has taken that one, the
    hour stays as it is. Null is one that was removed for good, so that the hour is to follow what is left.
    """

    __tablename__ = "device_hours"
    __table_args__ = (Index("ix_device_hours_start_device_id", "start", "device_id"),)

    source_at: Mapped[datetime] = mapped_column(_TIME)
    source_frame_id: Mapped[str | None] = mapped_column(HashKey)


class DeviceDay(SummaryColumns, Base):
    """A day of a device: the sum of its hours."""

    __tablename__ = "device_days"
    __table_args__ = (Index("ix_device_days_start_device_id", "start", "device_id"),)
