"""Command statuses → fleet.commands as they stand, and each change in fleet.command_transitions. Revisions are the only order."""

from collections.abc import Sequence

import asyncpg
import msgspec

from vt600_bus import decode
from vt600_bus.records import CommandStatus

_TRANSITION = """
INSERT INTO fleet.command_transitions (command_id, revision, state, at, attempt, reason, listener_id, session_id,
                                       cause, written, reply)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)
ON CONFLICT DO NOTHING
"""
# What the API stored may be a repetition, asked for after the first request was carried out: the commander knows when that was made.
_COMMAND = """
INSERT INTO fleet.commands AS c (command_id, revision, device_id, type, args, state, at, requested_at, requested_by,
                                 deadline_at, attempt, reason, listener_id, session_id, written, reply, reply_text,
                                 sequence_id, step)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19)
ON CONFLICT (command_id) DO UPDATE SET
    revision = excluded.revision, state = excluded.state, at = excluded.at,
    requested_at = excluded.requested_at, deadline_at = excluded.deadline_at,
    attempt = excluded.attempt, reason = excluded.reason, listener_id = excluded.listener_id,
    session_id = excluded.session_id, written = excluded.written, reply = excluded.reply, reply_text = excluded.reply_text
WHERE excluded.revision > c.revision
"""


def read_status(value: bytes | None) -> CommandStatus:
    """The status, fit to be stored."""
    if value is not None and b"\\u0000" in value:
        value = value.replace(b"\\u0000", b"\\ufffd")
    return decode(CommandStatus, value)


async def write_statuses(connection: asyncpg.Connection, statuses: Sequence[CommandStatus]) -> None:
    """One transaction."""
    newest: dict[str, CommandStatus] = {}
    for status in statuses:
        known = newest.get(status.command_id)
        if known is None or status.revision > known.revision:
            newest[status.command_id] = status
    async with connection.transaction():
        await connection.executemany(_TRANSITION, [_transition(status) for status in statuses])
        await connection.executemany(_COMMAND, [_command(newest[key]) for key in sorted(newest)])


def _transition(status: CommandStatus) -> tuple[object, ...]:
    return (
        status.command_id,
        status.revision,
        status.state,
        status.at,
        status.attempt,
        status.reason,
        status.listener_id,
        status.session_id,
        status.cause,
        status.written if status.state == "written" or status.reason == "written_late" else None,
        status.reply if status.state in ("acknowledged", "failed") else None,
    )


def _command(status: CommandStatus) -> tuple[object, ...]:
    return (
        status.command_id,
        status.revision,
        status.device_id,
        status.type,
        msgspec.json.encode(status.args).decode(),
        status.state,
        status.at,
        status.requested_at,
        status.requested_by,
        status.deadline_at,
        status.attempt,
        status.reason,
        status.listener_id,
        status.session_id,
        status.written,
        status.reply,
        status.reply_text,
        status.sequence_id,
        status.step,
    )
