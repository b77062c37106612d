"""`python -m vt600_api.keys create|list|revoke`: API keys. A key is shown once, when it is made."""

import argparse
import asyncio
import sys

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import func, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from vt600_api.auth import SCOPES, key_hash, new_key
from vt600_api.database import create_engine, create_session_factory
from vt600_api.errors import DATABASE_ERRORS
from vt600_api.keys.models import ApiKey


class KeySettings(BaseSettings):
    """Where the database is."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True)

    database_url: SecretStr


_ON_REQUEST = frozenset(("admin", "send:commands:override"))


def main() -> int:
    """Exit code 0 when done, 1 or 2 with one sentence."""
    parser = argparse.ArgumentParser(prog="vt600-keys", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and print it")
    create.add_argument("--name", required=True, help="who it is for")
    create.add_argument(
        "--scope", action="append", choices=SCOPES, help="may be repeated; all but admin and override by default"
    )
    actions.add_parser("list", help="names, scopes and dates")
    revoke = actions.add_parser("revoke", help="end a key")
    revoke.add_argument("id", type=int)
    arguments = parser.parse_args()
    try:
        settings = KeySettings()
    except ValidationError:
        print("vt600-keys: API_DATABASE_URL is not set", file=sys.stderr)
        return 2
    try:
        for line in asyncio.run(_run(arguments, settings.database_url)):
            print(line)
    except DATABASE_ERRORS as error:
        print(f"vt600-keys: the database refused: {getattr(error, 'orig', error)}", file=sys.stderr)
        return 1
    except LookupError as error:
        print(f"vt600-keys: {error.args[0]}", file=sys.stderr)
        return 1
    return 0


async def _run(arguments: argparse.Namespace, url: SecretStr) -> list[str]:
    """What there is to print once the change is committed."""
    engine = create_engine(url, pool_size=1)
    try:
        async with create_session_factory(engine).begin() as db:
            if arguments.action == "create":
                return [await _create(db, arguments.name, arguments.scope)]
            if arguments.action == "list":
                return [_line(row) for row in (await db.execute(select(ApiKey).order_by(ApiKey.api_key_id))).scalars()]
            await _revoke(db, arguments.id)
            return []
    finally:
        await engine.dispose()


async def _create(db: AsyncSession, name: str, scopes: list[str] | None) -> str:
    key = new_key()
    granted = scopes or [scope for scope in SCOPES if scope not in _ON_REQUEST]
    db.add(ApiKey(name=name, key_hash=key_hash(key), scopes=granted))
    return key


def _line(row: ApiKey) -> str:
    state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else "valid"
    return f"{row.api_key_id:5} {row.name:30} {state:20} {' '.join(row.scopes)}"


async def _revoke(db: AsyncSession, key_id: int) -> None:
    query = update(ApiKey).where(ApiKey.api_key_id == key_id, ApiKey.revoked_at.is_(None))
    done = await db.execute(query.values(revoked_at=func.now()).returning(ApiKey.api_key_id))
    if done.first() is None:
        raise LookupError(f"there is no valid key {key_id}")


if __name__ == "__main__":
    sys.exit(main())
