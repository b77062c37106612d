"""Groups of devices."""

import sqlalchemy as sa
from alembic import op

revision = "202611231145"
down_revision = "202611231140"
branch_labels = None
depends_on = None

SCHEMA = "fleet"


def upgrade() -> None:
    op.add_column("devices", sa.Column("group_name", sa.Text), schema=SCHEMA)
    op.create_index(
        "ix_devices_group_name",
        "devices",
        ["group_name", "device_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("group_name IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_column("devices", "group_name", schema=SCHEMA)
