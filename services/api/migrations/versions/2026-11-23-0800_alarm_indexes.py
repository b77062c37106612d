"""Indexes of nothing but alarms: by time for the fleet, by device for one of them.

They cost an ordinary report nothing. Reports wait while they are built; ingest keeps its place and catches up.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611230800"
down_revision = "202611230410"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
INDEXES = {
    "ix_reports_alarms_by_time": ["device_time", "device_id", "frame_id", "event"],
    "ix_reports_alarms_by_device": ["device_id", "device_time", "frame_id", "event"],
}


def upgrade() -> None:
    for name, columns in INDEXES.items():
        op.create_index(name, "reports", columns, schema=SCHEMA, postgresql_where=sa.text("kind = 'alarm'"))


def downgrade() -> None:
    for name in INDEXES:
        op.drop_index(name, "reports", schema=SCHEMA)
