"""What an engine cut waits for: its interlock, and somebody's confirmation."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "202611231410"
down_revision = "202611231100"
branch_labels = None
depends_on = None

SCHEMA = "commander"
TABLE = "queued_commands"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("interlock", JSONB), schema=SCHEMA)
    op.add_column(TABLE, sa.Column("confirm_by", sa.DateTime(timezone=True)), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column(TABLE, "confirm_by", schema=SCHEMA)
    op.drop_column(TABLE, "interlock", schema=SCHEMA)
