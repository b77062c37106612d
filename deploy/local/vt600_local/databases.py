"""The database of the embedded PostgreSQL, and a role for each service that may touch its own schema only."""

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import asyncpg

from vt600_local.server import StackError

_DATABASE = "vt600"
_SCHEMAS = {"vt600_api": "fleet", "vt600_commander": "commander"}


@dataclass(frozen=True, slots=True)
class Databases:
    """The services' addresses of the store."""

    api: str
    commander: str


async def prepare(superuser_url: str, passwords_file: Path) -> Databases:
    """Make database, roles and schemas as far as they are missing. Repeatable."""
    passwords = _passwords(passwords_file)
    connection = await asyncpg.connect(superuser_url)
    try:
        await _make_roles(connection, passwords)
        if not await connection.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", _DATABASE):
            await connection.execute(f"CREATE DATABASE {_DATABASE}")
        await connection.execute(f"REVOKE ALL ON DATABASE {_DATABASE} FROM PUBLIC")
        for role in _SCHEMAS:
            await connection.execute(f"GRANT CONNECT, TEMPORARY ON DATABASE {_DATABASE} TO {role}")
    finally:
        await connection.close()
    connection = await asyncpg.connect(_with(superuser_url, path=_DATABASE))
    try:
        await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
        for role, schema in _SCHEMAS.items():
            await connection.execute(f"CREATE SCHEMA IF NOT EXISTS {schema} AUTHORIZATION {role}")
    finally:
        await connection.close()
    urls = {role: _with(superuser_url, path=_DATABASE, user=role, password=passwords[role]) for role in _SCHEMAS}
    return Databases(api=urls["vt600_api"], commander=urls["vt600_commander"])


async def describe(url: str) -> str:
    """What server this is; StackError when it cannot be reached."""
    try:
        connection = await asyncpg.connect(url, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        where = urlsplit(url)
        reason = str(error) or type(error).__name__
        raise StackError(
            f"the database at {where.hostname}:{where.port or 5432}{where.path} cannot be used ({reason}):"
            " correct DATABASE_URL, or unset it for the embedded one"
        ) from None
    try:
        version = str(await connection.fetchval("SHOW server_version")).split()[0]
        extension = await connection.fetchval("SELECT extversion FROM pg_extension WHERE extname = 'timescaledb'")
    finally:
        await connection.close()
    return f"PostgreSQL {version} " + (f"with TimescaleDB {extension}" if extension else "without TimescaleDB")


async def _make_roles(connection: asyncpg.Connection, passwords: Mapping[str, str]) -> None:
    for role, password in passwords.items():
        if not await connection.fetchval("SELECT 1 FROM pg_roles WHERE rolname = $1", role):
            await connection.execute(f"CREATE ROLE {role}")
        await connection.execute(f"ALTER ROLE {role} LOGIN PASSWORD '{password}'")


def _passwords(file: Path) -> dict[str, str]:
    """The roles' passwords, made the first time and kept for the owner alone."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(json.dumps({role: secrets.token_urlsafe(24) for role in _SCHEMAS}, indent=1) + "\n")
    kept = json.loads(file.read_text())
    return {role: str(kept[role]) for role in _SCHEMAS}


def _with(url: str, *, path: str, user: str | None = None, password: str = "") -> str:
    parts = urlsplit(url)
    place = parts.netloc if user is None else f"{user}:{password}@{parts.hostname}:{parts.port}"
    return urlunsplit(parts._replace(netloc=place, path=f"/{path}"))
