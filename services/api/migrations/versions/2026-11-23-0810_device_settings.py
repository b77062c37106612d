"""What devices are set up as, and the decoded fields of frames that are no reports."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "202611230810"
down_revision = "202611230800"
branch_labels = None
depends_on = None

SCHEMA = "fleet"


def upgrade() -> None:
    op.add_column(
        "devices", sa.Column("settings", JSONB, nullable=False, server_default=sa.text("'{}'")), schema=SCHEMA
    )
    op.add_column("frames", sa.Column("details", JSONB), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("frames", "details", schema=SCHEMA)
    op.drop_column("devices", "settings", schema=SCHEMA)
