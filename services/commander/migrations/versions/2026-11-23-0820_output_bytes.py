"""How many outputs the device takes in one command, as the API knew it at submit."""

import sqlalchemy as sa
from alembic import op

revision = "202611230820"
down_revision = "202611230520"
branch_labels = None
depends_on = None

SCHEMA = "commander"


def upgrade() -> None:
    op.add_column("queued_commands", sa.Column("output_bytes", sa.Integer), schema=SCHEMA)


def downgrade() -> None:
    op.drop_column("queued_commands", "output_bytes", schema=SCHEMA)
