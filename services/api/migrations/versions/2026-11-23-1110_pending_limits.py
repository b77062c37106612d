"""What limits pending devices: the frames that are kept of each, and the address that introduced it; rejects by address and reason.

Pending devices that are there already have their frames counted, up to the usual limit, and count for no address.
"""

import sqlalchemy as sa
from alembic import op

revision = "202611231110"
down_revision = "202611231100"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
COUNT = """
UPDATE fleet.devices d SET pending_frames = (
    SELECT count(*) FROM (SELECT FROM fleet.frames f WHERE f.device_id = d.device_id LIMIT 10000) counted
)
WHERE state = 'pending'
"""
HOST = sa.text("(regexp_replace(peer, ':[0-9]+$', ''))")


def upgrade() -> None:
    op.add_column(
        "devices", sa.Column("pending_frames", sa.BigInteger, nullable=False, server_default="0"), schema=SCHEMA
    )
    op.add_column("devices", sa.Column("introduced_by", sa.Text), schema=SCHEMA)
    op.create_index(
        "ix_devices_introduced_by",
        "devices",
        ["introduced_by"],
        schema=SCHEMA,
        postgresql_where=sa.text("state = 'pending'"),
    )
    op.execute(COUNT)
    op.create_index("ix_rejects_host", "rejects", [HOST, "received_at", "reject_id"], schema=SCHEMA)
    op.create_index("ix_rejects_reason", "rejects", ["reason", "received_at", "reject_id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_index("ix_rejects_reason", "rejects", schema=SCHEMA)
    op.drop_index("ix_rejects_host", "rejects", schema=SCHEMA)
    op.drop_index("ix_devices_introduced_by", "devices", schema=SCHEMA)
    op.drop_column("devices", "introduced_by", schema=SCHEMA)
    op.drop_column("devices", "pending_frames", schema=SCHEMA)
