"""Links of devices: each one with its cause of ending, and whether a device can be reached."""

import sqlalchemy as sa
from alembic import op

revision = "202611231130"
down_revision = "202611231120"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
DEVICE_KEY = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "device_sessions",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("listener_id", sa.Text, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("quiet_since", TIME),
        sa.Column("closed_at", TIME),
        sa.Column("cause", sa.Text),
        sa.PrimaryKeyConstraint("device_id", "generation", "session_id", name="pk_device_sessions"),
        sa.CheckConstraint("state IN ('open', 'closed', 'lost')", name="ck_device_sessions_state"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_device_sessions_listeners",
        "device_sessions",
        ["listener_id", "state"],
        schema=SCHEMA,
        postgresql_where=sa.text("state <> 'closed'"),
    )
    op.create_table(
        "device_links",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("cause", sa.Text),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("listener_id", sa.Text, nullable=False),
        sa.Column("opened_at", TIME, nullable=False),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.PrimaryKeyConstraint("device_id", name="pk_device_links"),
        sa.CheckConstraint("state IN ('online', 'quiet', 'offline')", name="ck_device_links_state"),
        schema=SCHEMA,
    )
    op.create_index("ix_device_links_state_device_id", "device_links", ["state", "device_id"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("device_links", schema=SCHEMA)
    op.drop_table("device_sessions", schema=SCHEMA)
