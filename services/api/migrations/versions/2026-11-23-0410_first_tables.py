"""The first tables: devices, reports, frames, latest positions, rejects, commands, keys.

With TimescaleDB, reports and frames become hypertables that compress what is older than the longest buffered upload expected.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

from vt600_api.timescale import Hypertable, create_hypertables

revision = "202611230410"
down_revision = None
branch_labels = None
depends_on = None

SCHEMA = "fleet"
DEVICE_KEY = sa.Text(collation="C")
TIME = sa.DateTime(timezone=True)
EMPTY_ARRAY = EMPTY_OBJECT = sa.text("'{}'")

HYPERTABLES = (
    Hypertable("reports", time="device_time", chunk="7 days", compress_after="14 days"),
    Hypertable("frames", time="received_at", chunk="1 day", compress_after="14 days"),
)


def upgrade() -> None:
    _create_devices()
    _create_reports()
    _create_latest_positions()
    _create_frames()
    _create_rejects()
    _create_commands()
    _create_api_keys()
    create_hypertables(SCHEMA, HYPERTABLES)


def downgrade() -> None:
    for table in (
        "api_keys",
        "command_transitions",
        "commands",
        "rejects",
        "frames",
        "latest_positions",
        "reports",
        "devices",
    ):
        op.drop_table(table, schema=SCHEMA)


def _create_devices() -> None:
    op.create_table(
        "devices",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("name", sa.Text),
        sa.Column("state", sa.Text, nullable=False, server_default="pending"),
        sa.Column("dialect", sa.Text),
        sa.Column("imei", sa.Text),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("adopted_at", TIME),
        sa.Column("first_seen_at", TIME),
        sa.Column("last_seen_at", TIME),
        sa.PrimaryKeyConstraint("device_id", name="pk_devices"),
        sa.CheckConstraint("state IN ('pending', 'active')", name="ck_devices_state"),
        schema=SCHEMA,
    )


def _report_columns() -> list[sa.Column]:
    return [
        sa.Column("frame_id", UUID, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("event", sa.Text),
        sa.Column("event_code", sa.Integer),
        sa.Column("event_data", sa.Text),
        sa.Column("fix_valid", sa.Boolean, nullable=False),
        sa.Column("latitude", sa.Double),
        sa.Column("longitude", sa.Double),
        sa.Column("speed_kmh", sa.Double),
        sa.Column("course_deg", sa.Double),
        sa.Column("altitude_m", sa.Double),
        sa.Column("hdop", sa.Double),
        sa.Column("satellites", sa.Integer),
        sa.Column("odometer_m", sa.BigInteger),
        sa.Column("mcc", sa.Integer),
        sa.Column("mnc", sa.Integer),
        sa.Column("lac", sa.Integer),
        sa.Column("cell_id", sa.BigInteger),
        sa.Column("csq", sa.Integer),
        sa.Column("inputs", sa.Integer),
        sa.Column("outputs", sa.Integer),
        sa.Column("status", sa.Integer),
        sa.Column("external_power", sa.Boolean),
        sa.Column("external_v", sa.Double),
        sa.Column("battery_v", sa.Double),
        sa.Column("analog_raw", ARRAY(sa.Integer), nullable=False, server_default=EMPTY_ARRAY),
        sa.Column("stored", sa.Boolean),
        sa.Column("ignition", sa.Boolean),
        sa.Column("late", sa.Boolean, nullable=False),
        sa.Column("flags", ARRAY(sa.Text), nullable=False, server_default=EMPTY_ARRAY),
        sa.Column("extras", JSONB),
    ]


def _create_reports() -> None:
    op.create_table(
        "reports",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("device_time", TIME, nullable=False),
        *_report_columns(),
        sa.PrimaryKeyConstraint("device_id", "device_time", "frame_id", name="pk_reports"),
        schema=SCHEMA,
    )


def _create_latest_positions() -> None:
    op.create_table(
        "latest_positions",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("device_time", TIME, nullable=False),
        sa.Column("fix_time", TIME),
        *_report_columns(),
        sa.PrimaryKeyConstraint("device_id", name="pk_latest_positions"),
        schema=SCHEMA,
    )


def _create_frames() -> None:
    op.create_table(
        "frames",
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("frame_id", UUID, nullable=False),
        sa.Column("dialect", sa.Text, nullable=False),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("listener_id", sa.Text, nullable=False),
        sa.Column("session_id", sa.Text, nullable=False),
        sa.Column("generation", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("code", sa.Text, nullable=False),
        sa.Column("packet_no", sa.Text),
        sa.Column("decoder", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("device_id", "received_at", "frame_id", name="pk_frames"),
        schema=SCHEMA,
    )


def _create_rejects() -> None:
    op.create_table(
        "rejects",
        sa.Column("received_at", TIME, nullable=False),
        sa.Column("reject_id", UUID, nullable=False),
        sa.Column("peer", sa.Text, nullable=False),
        sa.Column("transport", sa.Text, nullable=False),
        sa.Column("listener_id", sa.Text, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("detail", sa.Text, nullable=False),
        sa.Column("raw", sa.LargeBinary, nullable=False),
        sa.Column("total_bytes", sa.BigInteger, nullable=False),
        sa.Column("dialect", sa.Text),
        sa.Column("device_id", DEVICE_KEY),
        sa.Column("session_id", sa.Text),
        sa.PrimaryKeyConstraint("received_at", "reject_id", name="pk_rejects"),
        schema=SCHEMA,
    )


def _create_commands() -> None:
    op.create_table(
        "commands",
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("device_id", DEVICE_KEY, nullable=False),
        sa.Column("type", sa.Text, nullable=False),
        sa.Column("args", JSONB, nullable=False, server_default=EMPTY_OBJECT),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("requested_at", TIME, nullable=False),
        sa.Column("requested_by", sa.Text, nullable=False),
        sa.Column("deadline_at", TIME, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False, server_default="0"),
        sa.Column("reason", sa.Text),
        sa.Column("listener_id", sa.Text),
        sa.Column("session_id", sa.Text),
        sa.Column("written", sa.LargeBinary),
        sa.Column("reply", sa.LargeBinary),
        sa.Column("reply_text", sa.Text),
        sa.PrimaryKeyConstraint("command_id", name="pk_commands"),
        schema=SCHEMA,
    )
    op.create_index(
        "ix_commands_device_id_requested_at_command_id",
        "commands",
        ["device_id", "requested_at", "command_id"],
        schema=SCHEMA,
    )
    op.create_table(
        "command_transitions",
        sa.Column("command_id", sa.Text, nullable=False),
        sa.Column("revision", sa.BigInteger, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("at", TIME, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("reason", sa.Text),
        sa.Column("listener_id", sa.Text),
        sa.Column("session_id", sa.Text),
        sa.PrimaryKeyConstraint("command_id", "revision", name="pk_command_transitions"),
        schema=SCHEMA,
    )


def _create_api_keys() -> None:
    op.create_table(
        "api_keys",
        sa.Column("api_key_id", sa.BigInteger, sa.Identity(), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("key_hash", sa.LargeBinary, nullable=False),
        sa.Column("scopes", ARRAY(sa.Text), nullable=False, server_default=EMPTY_ARRAY),
        sa.Column("created_at", TIME, nullable=False, server_default=sa.func.now()),
        sa.Column("revoked_at", TIME),
        sa.PrimaryKeyConstraint("api_key_id", name="pk_api_keys"),
        sa.UniqueConstraint("key_hash", name="uq_api_keys_key_hash"),
        schema=SCHEMA,
    )
