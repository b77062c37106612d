"""`python -m vt600_api.keys create|list|revoke`: API keys. A key is shown once, when it is made."""

import argparse
import asyncio
import sys

from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy import func, select, update

from vt600_api.auth import SCOPES, key_hash, new_key
from vt600_api.database import create_engine, create_session_factory
from vt600_api.keys.models import ApiKey


class KeySettings(BaseSettings):
    """Where the database is."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True)

    database_url: SecretStr


def main() -> int:
    """Exit code 0 when done, 1 or 2 with one sentence."""
    parser = argparse.ArgumentParser(prog="vt600-keys", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    create = actions.add_parser("create", help="make a key and print it")
    create.add_argument("--name", required=True, help="who it is for")
    create.add_argument("--scope", action="append", choices=SCOPES, help="may be repeated; all but admin by default")
    actions.add_parser("list", help="names, scopes and dates")
    revoke = actions.add_parser("revoke", help="end a key")
    revoke.add_argument("id", type=int)
    arguments = parser.parse_args()
    try:
        settings = KeySettings()
    except ValidationError:
        print("vt600-keys: API_DATABASE_URL is not set", file=sys.stderr)
        return 2
    return asyncio.run(_run(arguments, settings.database_url))


async def _run(arguments: argparse.Namespace, url: SecretStr) -> int:
    engine = create_engine(url, pool_size=1)
    try:
        async with create_session_factory(engine).begin() as db:
            if arguments.action == "create":
                key = new_key()
                scopes = arguments.scope or [scope for scope in SCOPES if scope != "admin"]
                db.add(ApiKey(name=arguments.name, key_hash=key_hash(key), scopes=scopes))
                print(key)
            elif arguments.action == "list":
                for row in (await db.execute(select(ApiKey).order_by(ApiKey.api_key_id))).scalars():
                    state = f"revoked {row.revoked_at:%Y-%m-%d}" if row.revoked_at else "valid"
                    print(f"{row.api_key_id:5} {row.name:30} {state:20} {' '.join(row.scopes)}")
            else:
                query = update(ApiKey).where(ApiKey.api_key_id == arguments.id, ApiKey.revoked_at.is_(None))
                done = await db.execute(query.values(revoked_at=func.now()).returning(ApiKey.api_key_id))
                if done.first() is None:
                    print(f"vt600-keys: there is no valid key {arguments.id}", file=sys.stderr)
                    return 1
    finally:
        await engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
