"""Settings that devices shall have."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "202611231150"
down_revision = "202611231145"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "desired_settings",
        sa.Column("device_id", sa.Text(collation="C"), nullable=False),
        sa.Column("setting", sa.Text, nullable=False),
        sa.Column("value", JSONB, nullable=False),
        sa.Column("changed_at", TIME, nullable=False),
        sa.Column("changed_by", sa.Text, nullable=False),
        sa.Column("change_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("since", TIME, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("confirmed_by", sa.Text),
        sa.Column("confirmed_at", TIME),
        sa.Column("reported", JSONB),
        sa.Column("work", sa.Text),
        sa.Column("next_at", TIME, nullable=False),
        sa.Column("attempts", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("command_id", sa.Text),
        sa.Column("request", sa.LargeBinary),
        sa.PrimaryKeyConstraint("device_id", "setting", name="pk_desired_settings"),
        sa.CheckConstraint(
            "state IN ('in_sync', 'pending', 'refused', 'not_supported')", name="ck_desired_settings_state"
        ),
        sa.CheckConstraint(
            "work IN ('set', 'setting', 'replaced', 'read', 'reading')", name="ck_desired_settings_work"
        ),
        sa.CheckConstraint("confirmed_by IN ('answer', 'read_back')", name="ck_desired_settings_confirmed_by"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_desired_settings_work",
        "desired_settings",
        ["device_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("work IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_table("desired_settings", schema=SCHEMA)
