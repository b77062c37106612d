"""What may have left and in which order requests came, so that no end says more than is known."""

import sqlalchemy as sa
from alembic import op

revision = "202611230520"
down_revision = "202611230440"
branch_labels = None
depends_on = None

SCHEMA, TABLE = "commander", "queued_commands"
TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    for column in (
        sa.Column("position", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("bound_session_id", sa.Text),
        sa.Column("retry_at", TIME),
        sa.Column("tries", sa.Integer, nullable=False, server_default="0"),
        sa.Column("published_attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("replied_at", TIME),
    ):
        op.add_column(TABLE, column, schema=SCHEMA)
    op.execute(
        f"UPDATE {SCHEMA}.{TABLE} SET tries = CASE WHEN written IS NULL THEN 0 ELSE attempt END,"  # noqa: S608
        " published_attempt = CASE WHEN downlink_published THEN attempt ELSE 0 END"
    )
    for name in ("tries", "published_attempt"):
        op.alter_column(TABLE, name, server_default=None, schema=SCHEMA)
    op.drop_column(TABLE, "downlink_published", schema=SCHEMA)
    op.drop_index("ix_queued_commands_waiting", TABLE, schema=SCHEMA)
    for name, column, where in (
        ("waiting", "position", "check_at IS NOT NULL"),
        ("replied", "replied_at", "replied_at IS NOT NULL"),
        ("packet", "dispatched_at", "packet_no IS NOT NULL"),
    ):
        op.create_index(
            f"ix_queued_commands_{name}", TABLE, ["device_id", column], schema=SCHEMA, postgresql_where=sa.text(where)
        )


def downgrade() -> None:
    for name in ("waiting", "replied", "packet"):
        op.drop_index(f"ix_queued_commands_{name}", TABLE, schema=SCHEMA)
    op.create_index(
        "ix_queued_commands_waiting",
        TABLE,
        ["device_id", "requested_at"],
        schema=SCHEMA,
        postgresql_where=sa.text("check_at IS NOT NULL"),
    )
    op.add_column(
        TABLE, sa.Column("downlink_published", sa.Boolean, nullable=False, server_default=sa.true()), schema=SCHEMA
    )
    op.execute(f"UPDATE {SCHEMA}.{TABLE} SET downlink_published = published_attempt >= attempt")  # noqa: S608
    op.alter_column(TABLE, "downlink_published", server_default=None, schema=SCHEMA)
    for name in ("replied_at", "published_attempt", "tries", "retry_at", "bound_session_id", "position"):
        op.drop_column(TABLE, name, schema=SCHEMA)
