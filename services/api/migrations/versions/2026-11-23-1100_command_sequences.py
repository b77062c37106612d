"""Sequences of commands, what each change of a command was caused by and which bytes it brought, and idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "202611231100"
down_revision = "202611230930"
branch_labels = None
depends_on = None

SCHEMA = "fleet"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.add_column("commands", sa.Column("sequence_id", sa.Text), schema=SCHEMA)
    op.add_column("commands", sa.Column("step", sa.Integer), schema=SCHEMA)
    in_sequence = sa.text("sequence_id IS NOT NULL")
    op.create_index(
        "ix_commands_sequence_id_step",
        "commands",
        ["sequence_id", "step"],
        schema=SCHEMA,
        postgresql_where=in_sequence,
    )
    op.create_index(
        "ix_commands_sequences",
        "commands",
        ["device_id", "requested_at", "sequence_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("step = 0"),
    )
    op.create_index(
        "ix_commands_waiting",
        "commands",
        ["device_id"],
        schema=SCHEMA,
        postgresql_where=sa.text("state IN ('queued', 'dispatched', 'written')"),
    )
    for column in (
        sa.Column("cause", sa.Text),
        sa.Column("written", sa.LargeBinary),
        sa.Column("reply", sa.LargeBinary),
    ):
        op.add_column("command_transitions", column, schema=SCHEMA)
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.Text, nullable=False),
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("fingerprint", sa.LargeBinary, nullable=False),
        sa.Column("resource_id", sa.Text, nullable=False),
        sa.Column("created_at", TIME, nullable=False),
        sa.Column("claimed_until", TIME, nullable=False),
        sa.Column("done_at", TIME),
        sa.PrimaryKeyConstraint("caller", "key", name="pk_idempotency_keys"),
        schema=SCHEMA,
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"], schema=SCHEMA)


def downgrade() -> None:
    op.drop_table("idempotency_keys", schema=SCHEMA)
    for name in ("reply", "written", "cause"):
        op.drop_column("command_transitions", name, schema=SCHEMA)
    for name in ("ix_commands_waiting", "ix_commands_sequences", "ix_commands_sequence_id_step"):
        op.drop_index(name, "commands", schema=SCHEMA)
    op.drop_column("commands", "step", schema=SCHEMA)
    op.drop_column("commands", "sequence_id", schema=SCHEMA)
