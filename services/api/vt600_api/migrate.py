"""`python -m vt600_api.migrate` brings the schema `fleet` to the newest revision. Repeatable; several may start at once."""

import importlib
import sys
from pathlib import Path

import asyncpg
import structlog
from alembic import command
from alembic.config import Config
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict
from sqlalchemy.exc import SQLAlchemyError

from vt600_runtime.logs import configure_logs

_SCRIPTS = Path(__file__).parents[1] / "migrations"
_MODELS = ("commands", "devices", "keys", "links", "positions", "summaries", "trips")


class MigrateSettings(BaseSettings):
    """Where the database is: the same address as that of the API."""

    model_config = SettingsConfigDict(env_prefix="API_", frozen=True)

    database_url: SecretStr


def load_models() -> None:
    """Fill the metadata with every table of this service."""
    for folder in _MODELS:
        importlib.import_module(f"vt600_api.{folder}.models")


def alembic_config(url: SecretStr) -> Config:
    """Alembic's configuration for the database at `url`."""
    config = Config()
    config.set_main_option("script_location", str(_SCRIPTS).replace("%", "%%"))
    config.attributes["database_url"] = url
    return config


def upgrade(url: SecretStr) -> None:
    """Bring the database at `url` to the newest revision."""
    command.upgrade(alembic_config(url), "head")


def main() -> int:
    """Migrate; the exit code tells whether it worked."""
    configure_logs(service="api-migrate")
    log = structlog.get_logger()
    try:
        settings = MigrateSettings()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        log.error("settings.invalid", problems=problems)  # noqa: TRY400 - a sentence is enough
        return 2
    try:
        upgrade(settings.database_url)
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, SQLAlchemyError) as error:
        log.error("schema.not_migrated", error=str(getattr(error, "orig", error)))  # noqa: TRY400 - a sentence is enough
        return 1
    log.info("schema.migrated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
