"""What ended long ago is found by its deadline, to be forgotten."""

import sqlalchemy as sa
from alembic import op

revision = "202611231430"
down_revision = "202611231410"
branch_labels = None
depends_on = None

SCHEMA = "commander"


def upgrade() -> None:
    op.create_index(
        "ix_queued_commands_ended",
        "queued_commands",
        ["deadline_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("check_at IS NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_queued_commands_ended", "queued_commands", schema=SCHEMA)
