"""What came up the links: reports, their newest per device, the frames they were read from, and what was refused."""

from datetime import datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Double, Index, Integer, LargeBinary, Text, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB
from sqlalchemy.orm import Mapped, mapped_column

from vt600_api.database import Base, DeviceKey, HashKey

_TIME = DateTime(timezone=True)
_EMPTY = text("'{}'")
HOST_OF_PEER = text("(regexp_replace(peer, ':[0-9]+$', ''))")
_IS_ALARM = text("kind = 'alarm'")


class ReportColumns:
    """What a report says, column by column as in vt600_bus.records.Report."""

    frame_id: Mapped[str] = mapped_column(HashKey)
    received_at: Mapped[datetime] = mapped_column(_TIME)
    dialect: Mapped[str] = mapped_column(Text)
    kind: Mapped[str] = mapped_column(Text)
    event: Mapped[str | None] = mapped_column(Text)
    event_code: Mapped[int | None] = mapped_column(Integer)
    event_data: Mapped[str | None] = mapped_column(Text)
    fix_valid: Mapped[bool]
    latitude: Mapped[float | None] = mapped_column(Double)
    longitude: Mapped[float | None] = mapped_column(Double)
    speed_kmh: Mapped[float | None] = mapped_column(Double)
    course_deg: Mapped[float | None] = mapped_column(Double)
    altitude_m: Mapped[float | None] = mapped_column(Double)
    hdop: Mapped[float | None] = mapped_column(Double)
    satellites: Mapped[int | None] = mapped_column(Integer)
    odometer_m: Mapped[int | None] = mapped_column(BigInteger)
    mcc: Mapped[int | None] = mapped_column(Integer)
    mnc: Mapped[int | None] = mapped_column(Integer)
    lac: Mapped[int | None] = mapped_column(Integer)
    cell_id: Mapped[int | None] = mapped_column(BigInteger)
    csq: Mapped[int | None] = mapped_column(Integer)
    inputs: Mapped[int | None] = mapped_column(Integer)
    outputs: Mapped[int | None] = mapped_column(Integer)
    status: Mapped[int | None] = mapped_column(Integer)
    external_power: Mapped[bool | None]
    external_v: Mapped[float | None] = mapped_column(Double)
    battery_v: Mapped[float | None] = mapped_column(Double)
    analog_raw: Mapped[list[int]] = mapped_column(ARRAY(Integer), server_default=_EMPTY)
    stored: Mapped[bool | None]
    ignition: Mapped[bool | None]
    late: Mapped[bool]
    flags: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=_EMPTY)
    extras: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class Report(ReportColumns, Base):
    """One report of one device at one moment of the device's clock. The track."""

    __tablename__ = "reports"
    __table_args__ = (
        Index("ix_reports_alarms_by_time", "device_time", "device_id", "frame_id", "event", postgresql_where=_IS_ALARM),
        Index(
            "ix_reports_alarms_by_device", "device_id", "device_time", "frame_id", "event", postgresql_where=_IS_ALARM
        ),
    )

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    device_time: Mapped[datetime] = mapped_column(_TIME, primary_key=True)
    frame_id: Mapped[str] = mapped_column(HashKey, primary_key=True)


class LatestPosition(ReportColumns, Base):
    """The newest report of a device by the device's clock.

    What the GPS measures (latitude, longitude, speed, course, altitude, HDOP, satellites) is that of the newest valid fix, taken at
    `fix_time`; everything else, `fix_valid` included, is that of the newest report. Without any valid fix so far, all of the former
    and `fix_time` are null.
    """

    __tablename__ = "latest_positions"

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    device_time: Mapped[datetime] = mapped_column(_TIME)
    fix_time: Mapped[datetime | None] = mapped_column(_TIME)


class Frame(Base):
    """The bytes of one accepted frame, each time it arrived, and the version of the decoder that read it."""

    __tablename__ = "frames"

    device_id: Mapped[str] = mapped_column(DeviceKey, primary_key=True)
    received_at: Mapped[datetime] = mapped_column(_TIME, primary_key=True)
    frame_id: Mapped[str] = mapped_column(HashKey, primary_key=True)
    dialect: Mapped[str] = mapped_column(Text)
    transport: Mapped[str] = mapped_column(Text)
    peer: Mapped[str] = mapped_column(Text)
    listener_id: Mapped[str] = mapped_column(Text)
    session_id: Mapped[str] = mapped_column(Text)
    generation: Mapped[int] = mapped_column(BigInteger)
    kind: Mapped[str] = mapped_column(Text)
    code: Mapped[str] = mapped_column(Text)
    packet_no: Mapped[str | None] = mapped_column(Text)
    decoder: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    details: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


class Reject(Base):
    """Bytes that a listener refused: `raw` holds the first of `total_bytes`."""

    __tablename__ = "rejects"
    __table_args__ = (
        Index("ix_rejects_host", HOST_OF_PEER, "received_at", "reject_id"),
        Index("ix_rejects_reason", "reason", "received_at", "reject_id"),
    )

    received_at: Mapped[datetime] = mapped_column(_TIME, primary_key=True)
    reject_id: Mapped[str] = mapped_column(HashKey, primary_key=True)
    peer: Mapped[str] = mapped_column(Text)
    transport: Mapped[str] = mapped_column(Text)
    listener_id: Mapped[str] = mapped_column(Text)
    reason: Mapped[str] = mapped_column(Text)
    detail: Mapped[str] = mapped_column(Text)
    raw: Mapped[bytes] = mapped_column(LargeBinary)
    total_bytes: Mapped[int] = mapped_column(BigInteger)
    dialect: Mapped[str | None] = mapped_column(Text)
    device_id: Mapped[str | None] = mapped_column(DeviceKey)
    session_id: Mapped[str | None] = mapped_column(Text)
