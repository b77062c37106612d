"""Campaigns: one command for many devices."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "202611231140"
down_revision = "202611231130"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "campaigns",
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="running"),
        sa.Column("reason", sa.Text),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("args", JSONB, nullable=False),
        sa.Column("deadline_s", sa.Float),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("is_limited", sa.Boolean, nullable=False),
        sa.Column("is_settled", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("per_minute", sa.Integer, nullable=False),
        sa.Column("max_open", sa.Integer, nullable=False),
        sa.Column("hours_since", sa.Time),
        sa.Column("hours_until", sa.Time),
        sa.Column("max_failed_share", sa.Float, nullable=False),
        sa.Column("min_ended", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("campaign_id", name="pk_campaigns"),
        sa.CheckConstraint(
            "state IN ('running', 'paused', 'finished', 'cancelled', 'aborted')", name="ck_campaigns_state"
        ),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_campaigns_requested_at_campaign_id", "campaigns", ["requested_at", "campaign_id"], schema=SCHEMA
    )
    op.create_index(
        "ix_campaigns_due",
        "campaigns",
        ["campaign_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("NOT is_settled"),
    )
    op.create_table(
        "campaign_devices",
        sa.Column("campaign_id", sa.Text, nullable=False),
        sa.Column("device_id", sa.Text(collation="C"), nullable=False),
        sa.Column("state", sa.Text, nullable=False, server_default="waiting"),
        sa.Column("reason", sa.Text),
        sa.Column("command_id", sa.Text),
        sa.Column("asked_at", TIME),
        sa.Column("request", sa.LargeBinary),
        sa.PrimaryKeyConstraint("campaign_id", "device_id", name="pk_campaign_devices"),
        sa.CheckConstraint("state IN ('waiting', 'sending', 'sent', 'refused')", name="ck_campaign_devices_state"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_campaign_devices_campaign_id_state_device_id",
        "campaign_devices",
        ["campaign_id", "state", "device_id"],
        schema=SCHEMA,
    )
    op.create_index(
        "ix_campaign_devices_asked_at",
        "campaign_devices",
        ["asked_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("asked_at IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("campaign_devices", schema=SCHEMA)
    op.drop_table("campaigns", schema=SCHEMA)
