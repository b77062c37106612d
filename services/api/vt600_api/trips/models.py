"""Trips and stops, what of them is to be worked out again, and where the rules left off."""

from datetime import datetime

from sqlalchemy import BigInteger, DateTime, Double, Index, Integer, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey, HashKey

_TIME = DateTime(timezone=True)
_IS_OPEN = text("ended_at IS NULL")


class SegmentColumns:
    """What trips and stops have in common. `ended_at` is null while it is open; `frame_id` is that of its first report.

    A change of reports behind `certain_at` does not undo its beginning.
    """

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    started_at: Mapped[datetime] = mapped_column(_TIME, primary_key=True)
    ended_at: Mapped[datetime | None] = mapped_column(_TIME)
    last_report_at: Mapped[datetime] = mapped_column(_TIME)
    certain_at: Mapped[datetime] = mapped_column(_TIME)
    frame_id: Mapped[str] = mapped_column(HashKey)
    reports: Mapped[int] = mapped_column(Integer)
    idle_s: Mapped[float | None] = mapped_column(Double)
    driver: Mapped[str | None] = mapped_column(Text)


class Trip(SegmentColumns, Base):
    """From the first report that drives to the first one that stays parked."""

    __tablename__ = "trips"
    __table_args__ = (
        Index("ix_trips_started_at_device_id", "started_at", "device_id"),
        Index("ix_trips_open", "started_at", "device_id", postgresql_where=_IS_OPEN),
    )

    start_latitude: Mapped[float | None] = mapped_column(Double)
    start_longitude: Mapped[float | None] = mapped_column(Double)
    end_latitude: Mapped[float | None] = mapped_column(Double)
    end_longitude: Mapped[float | None] = mapped_column(Double)
    distance_m: Mapped[float | None] = mapped_column(Double)
    odometer_m: Mapped[int | None] = mapped_column(BigInteger)
    top_speed_kmh: Mapped[float | None] = mapped_column(Double)


class Stop(SegmentColumns, Base):
    """From one trip to the next."""

    __tablename__ = "stops"

    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)


class TripWork(Base):
    """Reports of the device were added or corrected from `since` to `until`; kept by those who do it, in the same transaction."""

    __tablename__ = "trip_work"

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    since: Mapped[datetime] = mapped_column(_TIME)
    until: Mapped[datetime] = mapped_column(_TIME)


class TripState(Base):
    """Where the rules left off: what was running behind the report at (`device_time`, `frame_id`), by which rules.

    `since` and `until` are the mark of the device that was taken and is not worked off.
    """

    __tablename__ = "trip_states"
    __table_args__ = (Index("ix_trip_states_due", "device_id", postgresql_where=text("since IS NOT NULL")),)

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    since: Mapped[datetime | None] = mapped_column(_TIME)
    until: Mapped[datetime | None] = mapped_column(_TIME)
    rules: Mapped[str | None] = mapped_column(Text)
    device_time: Mapped[datetime | None] = mapped_column(_TIME)
    frame_id: Mapped[str | None] = mapped_column(HashKey)
    state: Mapped[str | None] = mapped_column(Text)
