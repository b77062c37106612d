"""Hours and days of each device.

They are filled by the process `trips` when it starts: the version of its rules has changed, so that it goes through all history.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import UUID

revision = "202611231120"
down_revision = "202611231110"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
DEVICE_KEY = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    _create("device_hours", sa.Column("source_at", TIME, nullable=False), sa.Column("source_frame_id", UUID))
    _create("device_days")


def downgrade() -> None:
    for table in ("device_days", "device_hours"):
        op.drop_table(table, schema=SCHEMA)


def _create(table: str, *source: sa.Column) -> None:
    op.create_table(
        table,
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("start", TIME, nullable=False),
        sa.Column("distance_m", sa.Double),
        sa.Column("moving_s", sa.Double),
        sa.Column("idle_s", sa.Double),
        sa.Column("ignition_s", sa.Double),
        sa.Column("top_speed_kmh", sa.Double),
        sa.Column("mean_speed_kmh", sa.Double),
        sa.Column("reports", sa.BigInteger, nullable=False),
        sa.Column("alarms", sa.BigInteger, nullable=False),
        sa.Column("first_time", TIME),
        sa.Column("first_latitude", sa.Double),
        sa.Column("first_longitude", sa.Double),
        sa.Column("last_time", TIME),
        sa.Column("last_latitude", sa.Double),
        sa.Column("last_longitude", sa.Double),
        *source,
        sa.PrimaryKeyConstraint("device_id", "start", name=f"pk_{table}"),
        schema=SCHEMA,
    )
    op.create_index(f"ix_{table}_start_device_id", table, ["start", "device_id"], schema=SCHEMA)
