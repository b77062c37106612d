"""Every attempt by itself, so that a late answer finds the one that it answers; priority, recalls and sequences."""

import sqlalchemy as sa
from alembic import op

revision = "202611231100"
down_revision = "202611230820"
branch_labels = None
depends_on = None

SCHEMA, TABLE = "commander", "queued_commands"
TIME = sa.DateTime(timezone=True)
WAITING = sa.text("check_at IS NOT NULL")

FILL = f"""
INSERT INTO {SCHEMA}.attempts (command_id, attempt, device_id, listener_id, session_id, reply_code, packet_no, payload,
    dispatched_at, written_at, replied_at)
SELECT command_id, attempt, device_id, listener_id, session_id, reply_code, packet_no, payload, dispatched_at, written_at, replied_at
FROM {SCHEMA}.{TABLE}
WHERE dispatched_at IS NOT NULL AND listener_id IS NOT NULL AND session_id IS NOT NULL AND reply_code IS NOT NULL
    AND payload IS NOT NULL AND (state IN ('dispatched', 'written') OR tries > 0)
"""  # noqa: S608


def upgrade() -> None:
    op.create_table(
        "attempts",
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("device_id", sa.Text, nullable=False),
        sa.Column("listener_id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("reply_code", sa.Text, nullable=False),
        sa.Column("packet_no", sa.Text),
        sa.Column("payload", sa.LargeBinary, nullable=False),
        sa.Column("dispatched_at", TIME, nullable=False),
        sa.Column("written_at", TIME),
        sa.Column("refused", sa.Text),
        sa.Column("replied_at", TIME),
        sa.Column("reply", sa.LargeBinary),
        sa.Column("reply_text", sa.Text),
        sa.Column("reply_ok", sa.Boolean),
        sa.Column("reply_reason", sa.Text),
        sa.Column("reply_certain", sa.Boolean),
        sa.PrimaryKeyConstraint("command_id", "attempt", name="pk_attempts"),
        schema=SCHEMA,
    )
    op.create_index("ix_attempts_device_id", "attempts", ["device_id", "reply_code", "dispatched_at"], schema=SCHEMA)
    op.execute(FILL)
    for column in (
        sa.Column("priority", sa.Integer, nullable=False, server_default="1"),
        sa.Column("held_at", TIME),
        sa.Column("cancelled_by", sa.Text),
        sa.Column("recalled_attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("sequence_id", sa.Text),
        sa.Column("step", sa.Integer),
    ):
        op.add_column(TABLE, column, schema=SCHEMA)
    for name in ("priority", "recalled_attempt"):
        op.alter_column(TABLE, name, server_default=None, schema=SCHEMA)
    op.drop_index("ix_queued_commands_waiting", TABLE, schema=SCHEMA)
    op.drop_index("ix_queued_commands_replied", TABLE, schema=SCHEMA)
    op.create_index(
        "ix_queued_commands_waiting",
        TABLE,
        ["device_id", "priority", "position"],
        schema=SCHEMA,
        postgresql_where=WAITING,
    )
    op.create_index(
        "ix_queued_commands_sequence",
        TABLE,
        ["sequence_id", "step"],
        schema=SCHEMA,
        postgresql_where=sa.text("sequence_id IS NOT NULL"),
    )


def downgrade() -> None:
    op.drop_index("ix_queued_commands_sequence", TABLE, schema=SCHEMA)
    op.drop_index("ix_queued_commands_waiting", TABLE, schema=SCHEMA)
    for name in ("step", "sequence_id", "recalled_attempt", "cancelled_by", "held_at", "priority"):
        op.drop_column(TABLE, name, schema=SCHEMA)
    for name, column, where in (
        ("waiting", "position", "check_at IS NOT NULL"),
        ("replied", "replied_at", "replied_at IS NOT NULL"),
    ):
        op.create_index(
            f"ix_queued_commands_{name}", TABLE, ["device_id", column], schema=SCHEMA, postgresql_where=sa.text(where)
        )
    op.drop_table("attempts", schema=SCHEMA)
