"""The trace that a command and what is told of it belong to."""

import sqlalchemy as sa
from alembic import op

revision = "202611231640"
down_revision = "202611231430"
branch_labels = None
depends_on = None

SCHEMA = "commander"


def upgrade() -> None:
    for table in ("queued_commands", "status_outbox"):
        op.add_column(table, sa.Column("traceparent", sa.Text), schema=SCHEMA)


def downgrade() -> None:
    for table in ("status_outbox", "queued_commands"):
        op.drop_column(table, "traceparent", schema=SCHEMA)
