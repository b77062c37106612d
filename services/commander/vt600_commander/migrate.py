"""`python -m vt600_commander.migrate` brings the schema `commander` to the newest revision. Repeatable; several may start at once."""

import sys
from pathlib import Path

import structlog
from alembic import command
from alembic.config import Config
from pydantic import SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from vt600_commander.database import DATABASE_ERRORS
from vt600_runtime.logs import configure_logs

_SCRIPTS = Path(__file__).parents[1] / "migrations"


class MigrateSettings(BaseSettings):
    """Where the database is: the same address as that of the service."""

    model_config = SettingsConfigDict(env_prefix="COMMANDER_", frozen=True)

    database_url: SecretStr


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
    configure_logs(service="commander-migrate")
    log = structlog.get_logger()
    try:
        settings = MigrateSettings()
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, item['loc']))}: {item['msg']}" for item in error.errors())
        log.error("settings.invalid", problems=problems)  # noqa: TRY400 - a sentence is enough
        return 2
    try:
        upgrade(settings.database_url)
    except DATABASE_ERRORS as error:
        log.error("schema.not_migrated", error=str(getattr(error, "orig", error)))  # noqa: TRY400 - a sentence is enough
        return 1
    log.info("schema.migrated")
    return 0


if __name__ == "__main__":
    sys.exit(main())
