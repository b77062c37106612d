"""The queue of commands and the outbox of their states."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "202611230440"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "commander"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "queued_commands",
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("args", JSONB, nullable=False),
        sa.Column("command_class", sa.Text, nullable=False),
        sa.Column("queue", sa.Text, nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("deadline_at", TIME, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("check_at", TIME),
        sa.Column("reason", sa.Text),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("listener_id", sa.Text),
        sa.Column("session_id", sa.Text),
        sa.Column("generation", sa.BigInteger),
        sa.Column("dispatched_at", TIME),
        sa.Column("payload", sa.LargeBinary),
        sa.Column("reply_code", sa.Text),
        sa.Column("packet_no", sa.Text),
        sa.Column("downlink_published", sa.Boolean, nullable=False),
        sa.Column("written", sa.LargeBinary),
        sa.Column("written_at", TIME),
        sa.Column("reply", sa.LargeBinary),
        sa.Column("reply_text", sa.Text),
        sa.PrimaryKeyConstraint("command_id", name="pk_queued_commands"),
        schema=SCHEMA,
    )
    waiting = sa.text("check_at IS NOT NULL")
    for name, columns, where in (
        ("ix_queued_commands_waiting", ["device_id", "requested_at"], waiting),
        ("ix_queued_commands_check_at", ["check_at"], waiting),
        ("ix_queued_commands_unknown", ["device_id"], sa.text("state = 'unknown'")),
    ):
        op.create_index(name, "queued_commands", columns, schema=SCHEMA, postgresql_where=where)
    op.create_table(
        "status_outbox",
        sa.Column("position", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("record", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("position", name="pk_status_outbox"),
        schema=SCHEMA,
    )


def downgrade() -> None:
    op.drop_table("status_outbox", schema=SCHEMA)
    op.drop_table("queued_commands", schema=SCHEMA)
