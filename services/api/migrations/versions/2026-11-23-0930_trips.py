"""Trips and stops, what of them is to be worked out again, and where the rules left off.

Every device with a track is marked, so that its history is worked out when the process `trips` starts.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "202611230930"
down_revision = "202611230810"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
DEVICE_KEY = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)

MARK_ALL = """
INSERT INTO fleet.trip_work (device_id, since, until)
SELECT device_id, '2005-01-01T00:00:00Z', device_time FROM fleet.latest_positions WHERE device_time >= '2005-01-01T00:00:00Z'
"""


def upgrade() -> None:
    op.create_table(
        "trips",
        *_segment_columns(),
        sa.Column("start_latitude", sa.Double),
        sa.Column("start_longitude", sa.Double),
        sa.Column("end_latitude", sa.Double),
        sa.Column("end_longitude", sa.Double),
        sa.Column("distance_m", sa.Double),
        sa.Column("odometer_m", sa.BigInteger),
        sa.Column("top_speed_kmh", sa.Double),
        sa.PrimaryKeyConstraint("device_id", "started_at", name="pk_trips"),
        schema=SCHEMA,
    )
    op.create_index("ix_trips_started_at_device_id", "trips", ["started_at", "device_id"], schema=SCHEMA)
    op.create_index(
        "ix_trips_open",
        "trips",
        ["started_at", "device_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_table(
        "stops",
        *_segment_columns(),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.PrimaryKeyConstraint("device_id", "started_at", name="pk_stops"),
        schema=SCHEMA,
    )
    _create_work()
    op.execute(MARK_ALL)


def downgrade() -> None:
    for table in ("trip_states", "trip_work", "stops", "trips"):
        op.drop_table(table, schema=SCHEMA)


def _segment_columns() -> list[sa.Column]:
    return [
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("started_at", TIME, nullable=False),
        sa.Column("ended_at", TIME),
        sa.Column("last_report_at", TIME, nullable=False),
        sa.Column("certain_at", TIME, nullable=False),
        sa.Column("frame_id", UUID, nullable=False),
        sa.Column("reports", sa.Integer, nullable=False),
        sa.Column("idle_s", sa.Double),
        sa.Column("driver", sa.Text),
    ]


def _create_work() -> None:
    op.create_table(
        "trip_work",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("until", TIME, nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_trip_work"),
        schema=SCHEMA,
    )
    op.create_table(
        "trip_states",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("since", TIME),
        sa.Column("until", TIME),
        sa.Column("rules", sa.Text),
        sa.Column("device_time", TIME),
        sa.Column("frame_id", UUID),
        sa.Column("state", sa.Text),
        sa.PrimaryKeyConstraint("device_id", name="pk_trip_states"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_trip_states_due",
        "trip_states",
        ["device_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("since IS NOT NULL"),
    )
